//! The environment: every variable is read here, and all that is wrong is said at once.

mod roots;

use std::{fmt, time::Duration};

use lambda_http::http::Uri;
pub(crate) use roots::Roots;
use tracing::level_filters::LevelFilter;

use crate::auth::{self, Authentication};

/// What SQS takes in one message and in one batch, attributes counted.
pub const SQS_MAX_BYTES: usize = 1024 * 1024;

/// Smaller limits would send nearly every message to the vault, where each costs a call to S3.
pub const MIN_MAX_BYTES: usize = 8192;

/// With the vault's 1.5 s the vendor has its answer within 4 s: its time-out is not published, so the
/// shorter the better.
pub(crate) const DEFAULT_PUBLISH_BUDGET: Duration = Duration::from_millis(2500);

/// Longer than any function of this kind should run.
const MAX_PUBLISH_BUDGET: Duration = Duration::from_secs(60);

/// What the function is told by its environment.
pub struct Config {
    /// Which requests are let in.
    pub(crate) authentication: Authentication,
    /// Where records go.
    pub(crate) queue: QueueConfig,
    /// `VAULT_BUCKET`: where what the queue cannot hold is kept.
    pub(crate) vault_bucket: Option<String>,
    /// How AWS is reached.
    pub(crate) aws: AwsConfig,
    /// The function's name, a dimension of its metrics.
    pub(crate) function_name: String,
}

/// The queue's part.
pub(crate) struct QueueConfig {
    /// `QUEUE_URL`.
    pub(crate) url: String,
    /// `QUEUE_MAX_BYTES`: the largest message, attributes counted.
    pub(crate) max_bytes: usize,
    /// `PUBLISH_BUDGET_MS`: the time for all attempts.
    pub(crate) budget: Duration,
}

/// AWS's own env.
pub(crate) struct AwsConfig {
    /// `AWS_REGION`.
    pub(crate) region: String,
    /// `AWS_ENDPOINT_URL_SQS`, else `AWS_ENDPOINT_URL`.
    pub(crate) sqs_endpoint: Option<String>,
    /// `AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL`.
    pub(crate) s3_endpoint: Option<String>,
    /// `AWS_ACCESS_KEY_ID`.
    pub(crate) access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub(crate) secret_access_key: String,
    /// `AWS_SESSION_TOKEN`.
    pub(crate) session_token: Option<String>,
    /// The trusted root certificates.
    pub(crate) roots: Roots,
}

/// How the log is written. It is known before the rest, so that what is wrong there can be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `AWS_LAMBDA_LOG_LEVEL`.
    pub(crate) level: LevelFilter,
    /// Whether lines are JSON: `AWS_LAMBDA_LOG_FORMAT` is not `Text`.
    pub(crate) json: bool,
}

/// A variable that is missing or wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Its name.
    pub variable: &'static str,
    /// What was expected. Values are not repeated, since some are secrets.
    pub expected: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}", self.variable, self.expected)
    }
}

impl LogConfig {
    /// Reads the log's variables; what is wrong with them [`Config::from_env`] reports.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Self {
        let mut env = Env {
            get: &get,
            errors: Vec::new(),
        };
        Self {
            level: env.log_level(),
            json: env.logs_json(),
        }
    }
}

impl Config {
    /// Reads the environment by `get`. A variable that is set and empty counts as missing.
    ///
    /// # Errors
    /// All that is missing or wrong.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<ConfigError>> {
        let mut env = Env {
            get: &get,
            errors: Vec::new(),
        };
        env.log_level();
        env.logs_json();
        let authentication = env.authentication();
        let queue = QueueConfig {
            url: env
                .url("QUEUE_URL")
                .map(|url| url.trim_end_matches('/').to_owned())
                .unwrap_or_else(|| env.missing("QUEUE_URL")),
            max_bytes: env
                .number("QUEUE_MAX_BYTES", MIN_MAX_BYTES, SQS_MAX_BYTES)
                .unwrap_or(SQS_MAX_BYTES),
            budget: env
                .number(
                    "PUBLISH_BUDGET_MS",
                    1,
                    MAX_PUBLISH_BUDGET.as_millis() as usize,
                )
                .map_or(DEFAULT_PUBLISH_BUDGET, |millis| {
                    Duration::from_millis(millis as u64)
                }),
        };
        let vault_bucket = env.bucket("VAULT_BUCKET");
        let endpoint = env.url("AWS_ENDPOINT_URL");
        let region = env.region();
        let aws = AwsConfig {
            roots: env.roots(&region),
            region,
            sqs_endpoint: env.url("AWS_ENDPOINT_URL_SQS").or(endpoint.clone()),
            s3_endpoint: env.url("AWS_ENDPOINT_URL_S3").or(endpoint),
            access_key_id: env.credential("AWS_ACCESS_KEY_ID"),
            secret_access_key: env.credential("AWS_SECRET_ACCESS_KEY"),
            session_token: env.get("AWS_SESSION_TOKEN"),
        };
        let function_name = env.get("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
        match authentication {
            Some(authentication) if env.errors.is_empty() => Ok(Self {
                authentication,
                queue,
                vault_bucket,
                aws,
                function_name,
            }),
            _ => Err(env.errors),
        }
    }
}

/// The environment, and what was found wrong in it so far.
struct Env<'g> {
    get: &'g dyn Fn(&str) -> Option<String>,
    errors: Vec<ConfigError>,
}

impl Env<'_> {
    fn get(&self, variable: &str) -> Option<String> {
        (self.get)(variable)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    fn problem(&mut self, variable: &'static str, expected: &str) {
        self.errors.push(ConfigError {
            variable,
            expected: expected.to_owned(),
        });
    }

    /// Reports a missing variable, unless its value was reported as wrong.
    fn missing(&mut self, variable: &'static str) -> String {
        if !self
            .errors
            .iter()
            .any(|problem| problem.variable == variable)
        {
            self.problem(variable, "a value, but it is not set");
        }
        String::new()
    }

    fn required(&mut self, variable: &'static str) -> String {
        self.get(variable).unwrap_or_else(|| self.missing(variable))
    }

    fn region(&mut self) -> String {
        let region = self.required("AWS_REGION");
        // A part of the services' host names.
        let is_label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if !region.bytes().all(is_label) {
            self.problem("AWS_REGION", "a region, as eu-central-1");
        }
        region
    }

    /// A part of the credentials, which goes into a header.
    fn credential(&mut self, variable: &'static str) -> String {
        let value = self.required(variable);
        if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.problem(variable, "visible ASCII characters");
        }
        value
    }

    fn url(&mut self, variable: &'static str) -> Option<String> {
        let url = self.get(variable)?;
        let is_reachable = url.parse::<Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
        });
        if !is_reachable {
            self.problem(variable, "a URL with http or https and a host");
            return None;
        }
        Some(url)
    }

    fn bucket(&mut self, variable: &'static str) -> Option<String> {
        let bucket = self.get(variable)?;
        let is_at_an_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let is_name = (3..=63).contains(&bucket.len())
            && is_at_an_end(bucket.as_bytes().first())
            && is_at_an_end(bucket.as_bytes().last())
            && bucket
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
        if !is_name {
            self.problem(variable, "the name of an S3 bucket");
        }
        Some(bucket)
    }

    fn number(&mut self, variable: &'static str, min: usize, max: usize) -> Option<usize> {
        let text = self.get(variable)?;
        let number = text
            .parse()
            .ok()
            .filter(|number| (min..=max).contains(number));
        if number.is_none() {
            self.problem(variable, &format!("a whole number from {min} to {max}"));
        }
        number
    }

    fn log_level(&mut self) -> LevelFilter {
        match self
            .get("AWS_LAMBDA_LOG_LEVEL")
            .map(|level| level.to_uppercase())
            .as_deref()
        {
            None | Some("INFO") => LevelFilter::INFO,
            Some("TRACE") => LevelFilter::TRACE,
            Some("DEBUG") => LevelFilter::DEBUG,
            Some("WARN") => LevelFilter::WARN,
            // Lambda's word for the level above ERROR, which tracing does not have.
            Some("ERROR" | "FATAL") => LevelFilter::ERROR,
            Some(_) => {
                let expected = "TRACE, DEBUG, INFO, WARN, ERROR or FATAL";
                self.problem("AWS_LAMBDA_LOG_LEVEL", expected);
                LevelFilter::INFO
            }
        }
    }

    fn logs_json(&mut self) -> bool {
        match self.get("AWS_LAMBDA_LOG_FORMAT").as_deref() {
            None | Some("JSON") => true,
            Some("Text") => false,
            Some(_) => {
                self.problem("AWS_LAMBDA_LOG_FORMAT", "JSON or Text");
                true
            }
        }
    }

    /// Returns `None` after a problem.
    fn authentication(&mut self) -> Option<Authentication> {
        match self.get("CALLBACK_AUTH").as_deref() {
            None | Some("token") => {}
            Some("none") => return Some(Authentication::Disabled),
            Some(_) => self.problem("CALLBACK_AUTH", "token or none"),
        }
        let Some(list) = self.get("CALLBACK_TOKEN_SHA256") else {
            let expected = "SHA-256 digests of accepted tokens, unless CALLBACK_AUTH is none";
            self.problem("CALLBACK_TOKEN_SHA256", expected);
            return None;
        };
        let digests: Option<Vec<_>> = list.split(',').map(auth::digest_from_hex).collect();
        if digests.is_none() {
            let expected = "64 hexadecimal digits for each digest, separated by commas";
            self.problem("CALLBACK_TOKEN_SHA256", expected);
        }
        digests.map(Authentication::Tokens)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const DIGEST: &str = "219c04a7bbd6d1a9e7e52c166bf6b61d015281b58d7af4507d2154a44bd34294";

    /// The configuration that these variables make, on top of what Lambda sets itself.
    pub(in crate::config) fn config(variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
        let lambda = [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "a"),
            ("AWS_SECRET_ACCESS_KEY", "b"),
        ];
        Config::from_env(|name| {
            let set = variables
                .iter()
                .chain(&lambda)
                .find(|(variable, _)| *variable == name)?;
            Some(set.1.to_owned())
        })
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn ok_least() {
        let config = config(&[
            ("QUEUE_URL", "https://q/1/a"),
            ("CALLBACK_TOKEN_SHA256", DIGEST),
        ])
        .unwrap();
        assert_eq!(config.queue.url, "https://q/1/a");
        assert_eq!(config.queue.max_bytes, 1_048_576);
        assert_eq!(config.queue.budget, Duration::from_millis(2500));
        assert_eq!(config.vault_bucket, None);
        assert_eq!(config.aws.sqs_endpoint, None);
    }

    #[test]
    fn ok_all() {
        let two = format!("{DIGEST}, {}", DIGEST.to_uppercase());
        let config = config(&[
            ("QUEUE_URL", " https://q/1/a.fifo/ "),
            ("CALLBACK_TOKEN_SHA256", &two),
            ("QUEUE_MAX_BYTES", "262144"),
            ("PUBLISH_BUDGET_MS", "900"),
            ("AWS_ENDPOINT_URL", "http://localhost:1"),
            ("AWS_ENDPOINT_URL_SQS", "http://localhost:2"),
            ("AWS_ENDPOINT_URL_S3", ""),
            ("AWS_SESSION_TOKEN", ""),
        ])
        .unwrap();
        assert_eq!(config.queue.url, "https://q/1/a.fifo");
        assert_eq!(config.queue.max_bytes, 262_144);
        assert_eq!(config.queue.budget, Duration::from_millis(900));
        assert_eq!(
            config.aws.sqs_endpoint.as_deref(),
            Some("http://localhost:2")
        );
        // What is empty is not set.
        assert_eq!(
            config.aws.s3_endpoint.as_deref(),
            Some("http://localhost:1")
        );
        assert_eq!(config.aws.session_token, None);
    }

    #[test]
    fn ok_anyone_is_let_in_only_by_name() {
        assert!(config(&[("QUEUE_URL", "https://q/1/a"), ("CALLBACK_AUTH", "none")]).is_ok());
    }

    #[test]
    fn err_all_that_is_wrong_is_said_at_once() {
        let expected = [
            "AWS_LAMBDA_LOG_LEVEL: expected TRACE, DEBUG, INFO, WARN, ERROR or FATAL",
            "AWS_LAMBDA_LOG_FORMAT: expected JSON or Text",
            "CALLBACK_AUTH: expected token or none",
            "CALLBACK_TOKEN_SHA256: expected 64 hexadecimal digits for each digest, separated by commas",
            "QUEUE_URL: expected a URL with http or https and a host",
            "QUEUE_MAX_BYTES: expected a whole number from 8192 to 1048576",
            "PUBLISH_BUDGET_MS: expected a whole number from 1 to 60000",
            "VAULT_BUCKET: expected the name of an S3 bucket",
            "AWS_ENDPOINT_URL: expected a URL with http or https and a host",
        ];
        let found = config(&[
            ("AWS_LAMBDA_LOG_LEVEL", "LOUD"),
            ("AWS_LAMBDA_LOG_FORMAT", "XML"),
            ("CALLBACK_AUTH", "off"),
            ("CALLBACK_TOKEN_SHA256", &DIGEST[1..]),
            ("QUEUE_URL", "arn:aws:sqs:eu-west-1:1:a"),
            ("QUEUE_MAX_BYTES", "1048577"),
            ("PUBLISH_BUDGET_MS", "2.5"),
            ("VAULT_BUCKET", "s3://vault"),
            ("AWS_ENDPOINT_URL", "localhost"),
        ]);
        assert_eq!(found.err().unwrap(), expected);
    }

    #[test]
    fn err_what_no_request_could_be_made_with() {
        let needed = [("QUEUE_URL", "https://q/1/a"), ("CALLBACK_AUTH", "none")];
        for (variable, value) in [
            (
                "AWS_ENDPOINT_URL_SQS",
                "https://vpce-<id>.sqs.eu-west-1.vpce.amazonaws.com",
            ),
            ("AWS_ENDPOINT_URL_SQS", "http://localhost:${PORT}"),
            ("AWS_ENDPOINT_URL_S3", "http://h:4566:4566"),
            ("AWS_ENDPOINT_URL", "http://[::1"),
            ("AWS_ENDPOINT_URL", "https://"),
            ("AWS_ENDPOINT_URL", "https:///path"),
            ("AWS_REGION", "eu west 1"),
            ("AWS_REGION", "é"),
            ("AWS_ACCESS_KEY_ID", "a\nb"),
            ("AWS_SECRET_ACCESS_KEY", "\u{FFFD}"),
            ("VAULT_BUCKET", "..."),
            ("VAULT_BUCKET", "-vault"),
            ("VAULT_BUCKET", "va\u{FFFD}"),
        ] {
            let errors = config(&[&[(variable, value)], &needed[..]].concat());
            let errors = errors.err().unwrap_or_default();
            let is_named = errors.len() == 1 && errors[0].starts_with(variable);
            assert!(is_named, "{variable}={value}: {errors:?}");
        }
    }

    #[test]
    fn err_missing() {
        let expected = [
            "CALLBACK_TOKEN_SHA256: expected SHA-256 digests of accepted tokens, unless CALLBACK_AUTH is none",
            "QUEUE_URL: expected a value, but it is not set",
        ];
        assert_eq!(config(&[("QUEUE_URL", " ")]).err().unwrap(), expected);
        let nothing = Config::from_env(|_| None).err().unwrap();
        let missing: Vec<_> = nothing.iter().map(|problem| problem.variable).collect();
        assert_eq!(
            missing,
            [
                "CALLBACK_TOKEN_SHA256",
                "QUEUE_URL",
                "AWS_REGION",
                "AWS_ACCESS_KEY_ID",
                "AWS_SECRET_ACCESS_KEY"
            ]
        );
    }
}
