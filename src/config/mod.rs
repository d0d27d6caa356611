//! Reads the environment, once, and reports all missing and invalid variables together.

mod env;
mod roots;

use std::time::Duration;

pub use env::ConfigError;
use env::Env;
pub(crate) use roots::Roots;
use tracing::level_filters::LevelFilter;

use crate::auth::{self, Authentication};

/// The largest message and the largest batch that SQS accepts, in bytes, attributes included.
pub const SQS_MAX_BYTES: usize = 1024 * 1024;

/// The smallest `QUEUE_MAX_BYTES`: with a smaller one, nearly every message would cost a call to S3.
pub const MIN_QUEUE_MAX_BYTES: usize = 8192;

/// The default `PUBLISH_BUDGET_MS`. Tencent does not publish its time-out, so shorter is safer.
pub(crate) const DEFAULT_PUBLISH_BUDGET: Duration = Duration::from_millis(2500);

/// The largest `PUBLISH_BUDGET_MS`: longer than any callback should wait.
const MAX_PUBLISH_BUDGET: Duration = Duration::from_secs(60);

/// The function's configuration.
pub struct Config {
    /// Which requests are accepted: `CALLBACK_AUTH` and `CALLBACK_TOKEN_SHA256`.
    pub(crate) authentication: Authentication,
    /// The queue for records.
    pub(crate) queue: QueueConfig,
    /// `VAULT_BUCKET`: the bucket for what the queue cannot hold.
    pub(crate) vault_bucket: Option<String>,
    /// Settings of the AWS SDK.
    pub(crate) aws: AwsConfig,
    /// `AWS_LAMBDA_FUNCTION_NAME`: the function's name, a dimension of its metrics.
    pub(crate) function_name: String,
}

/// Settings of the queue.
pub(crate) struct QueueConfig {
    /// `QUEUE_URL`.
    pub(crate) url: String,
    /// `QUEUE_MAX_BYTES`: the largest message, attributes included.
    pub(crate) max_bytes: usize,
    /// `PUBLISH_BUDGET_MS`: the time for all attempts.
    pub(crate) budget: Duration,
}

/// Settings of the AWS SDK, from its standard variables.
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

/// Settings of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `AWS_LAMBDA_LOG_LEVEL`.
    pub(crate) level: LevelFilter,
    /// Whether lines are JSON, from `AWS_LAMBDA_LOG_FORMAT`.
    pub(crate) json: bool,
}

impl Config {
    /// Reads the environment through `get`. An empty variable counts as missing. The settings of the log are
    /// valid in any case, so that errors can be logged.
    ///
    /// # Errors
    /// Returns all missing and invalid variables.
    pub fn from_env(
        get: impl Fn(&str) -> Option<String>,
    ) -> (LogConfig, Result<Self, Vec<ConfigError>>) {
        let mut env = Env::new(&get);
        let log = LogConfig {
            level: log_level(&mut env),
            json: logs_json(&mut env),
        };
        let authentication = authentication(&mut env);
        let queue = QueueConfig::from_env(&mut env);
        let vault_bucket = env.bucket("VAULT_BUCKET");
        let aws = AwsConfig::from_env(&mut env);
        let function_name = env.get("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
        let errors = env.into_errors();
        let config = match authentication {
            Some(authentication) if errors.is_empty() => Ok(Self {
                authentication,
                queue,
                vault_bucket,
                aws,
                function_name,
            }),
            _ => Err(errors),
        };
        (log, config)
    }
}

impl QueueConfig {
    fn from_env(env: &mut Env<'_>) -> Self {
        let url = env.url("QUEUE_URL");
        let max_bytes = env.number("QUEUE_MAX_BYTES", MIN_QUEUE_MAX_BYTES..=SQS_MAX_BYTES);
        let max_budget = MAX_PUBLISH_BUDGET.as_millis() as usize;
        let budget = env.number("PUBLISH_BUDGET_MS", 1..=max_budget);
        Self {
            url: match url {
                Some(url) => url.trim_end_matches('/').to_owned(),
                None => env.missing("QUEUE_URL"),
            },
            max_bytes: max_bytes.unwrap_or(SQS_MAX_BYTES),
            budget: budget.map_or(DEFAULT_PUBLISH_BUDGET, |millis| {
                Duration::from_millis(millis as u64)
            }),
        }
    }
}

impl AwsConfig {
    fn from_env(env: &mut Env<'_>) -> Self {
        let endpoint = env.url("AWS_ENDPOINT_URL");
        let region = env.region("AWS_REGION");
        Self {
            roots: Roots::from_env(env, &region),
            region,
            sqs_endpoint: env.url("AWS_ENDPOINT_URL_SQS").or(endpoint.clone()),
            s3_endpoint: env.url("AWS_ENDPOINT_URL_S3").or(endpoint),
            access_key_id: env.credential("AWS_ACCESS_KEY_ID"),
            secret_access_key: env.credential("AWS_SECRET_ACCESS_KEY"),
            session_token: env.get("AWS_SESSION_TOKEN"),
        }
    }
}

fn log_level(env: &mut Env<'_>) -> LevelFilter {
    const VARIABLE: &str = "AWS_LAMBDA_LOG_LEVEL";
    let level = env.get(VARIABLE).map(|level| level.to_uppercase());
    match level.as_deref() {
        None | Some("INFO") => LevelFilter::INFO,
        Some("TRACE") => LevelFilter::TRACE,
        Some("DEBUG") => LevelFilter::DEBUG,
        Some("WARN") => LevelFilter::WARN,
        // FATAL is Lambda's level above ERROR. tracing does not have it.
        Some("ERROR" | "FATAL") => LevelFilter::ERROR,
        Some(_) => {
            env.invalid(VARIABLE, "is not TRACE, DEBUG, INFO, WARN, ERROR or FATAL");
            LevelFilter::INFO
        }
    }
}

fn logs_json(env: &mut Env<'_>) -> bool {
    const VARIABLE: &str = "AWS_LAMBDA_LOG_FORMAT";
    match env.get(VARIABLE).as_deref() {
        None | Some("JSON") => true,
        Some("Text") => false,
        Some(_) => {
            env.invalid(VARIABLE, "is neither JSON nor Text");
            true
        }
    }
}

/// Returns which requests are accepted, or `None` after it reported an error.
fn authentication(env: &mut Env<'_>) -> Option<Authentication> {
    const DIGESTS: &str = "CALLBACK_TOKEN_SHA256";
    match env.get("CALLBACK_AUTH").as_deref() {
        None | Some("token") => {}
        Some("none") => return Some(Authentication::Disabled),
        Some(_) => env.invalid("CALLBACK_AUTH", "is neither token nor none"),
    }
    let Some(list) = env.get(DIGESTS) else {
        env.invalid(DIGESTS, "is not set, and CALLBACK_AUTH is not none");
        return None;
    };
    let digests: Option<Vec<_>> = list.split(',').map(auth::digest_from_hex).collect();
    if digests.is_none() {
        env.invalid(
            DIGESTS,
            "contains a digest that does not have 64 hexadecimal digits",
        );
    }
    digests.map(Authentication::Tokens)
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
        .1
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
    fn ok_authentication_is_disabled_only_explicitly() {
        assert!(config(&[("QUEUE_URL", "https://q/1/a"), ("CALLBACK_AUTH", "none")]).is_ok());
    }

    #[test]
    fn err_all_invalid_variables_are_reported_together() {
        let expected = [
            "AWS_LAMBDA_LOG_LEVEL is not TRACE, DEBUG, INFO, WARN, ERROR or FATAL",
            "AWS_LAMBDA_LOG_FORMAT is neither JSON nor Text",
            "CALLBACK_AUTH is neither token nor none",
            "CALLBACK_TOKEN_SHA256 contains a digest that does not have 64 hexadecimal digits",
            "QUEUE_URL is not an HTTP URL with a host",
            "QUEUE_MAX_BYTES is not a whole number from 8192 to 1048576",
            "PUBLISH_BUDGET_MS is not a whole number from 1 to 60000",
            "VAULT_BUCKET is not the name of an S3 bucket",
            "AWS_ENDPOINT_URL is not an HTTP URL with a host",
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
    fn err_values_that_no_request_can_have() {
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
            "CALLBACK_TOKEN_SHA256 is not set, and CALLBACK_AUTH is not none",
            "QUEUE_URL is not set",
        ];
        assert_eq!(config(&[("QUEUE_URL", " ")]).err().unwrap(), expected);
        let no_digest = [("QUEUE_URL", " "), ("CALLBACK_TOKEN_SHA256", ",")];
        assert!(config(&no_digest).err().unwrap()[0].starts_with("CALLBACK_TOKEN_SHA256 "));
        let nothing = Config::from_env(|_| None).1.err().unwrap();
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
