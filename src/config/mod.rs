//! The environment: every variable is read here, and all that is wrong is said at once.

use std::{env, fmt, fs, time::Duration};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tracing::level_filters::LevelFilter;

use crate::auth::{self, Tokens};

/// What SQS takes in one message and in one batch, attributes counted.
const SQS_MAX_BYTES: usize = 1024 * 1024;

/// Smaller limits would send everything to the vault.
const MIN_MAX_BYTES: usize = 1024;

/// Leaves the vendor its answer within 3 s: its time-out is not published, so the shorter the
/// better.
const DEFAULT_PUBLISH_BUDGET: Duration = Duration::from_millis(2500);

/// Longer than any function of this kind should run.
const MAX_PUBLISH_BUDGET: Duration = Duration::from_secs(60);

/// AWS's variables for endpoints of one's own.
const ENDPOINTS: [&str; 3] = [
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_SQS",
    "AWS_ENDPOINT_URL_S3",
];

/// How the regions begin whose services other authorities vouch for.
const OTHER_PARTITIONS: [&str; 3] = ["cn-", "us-iso", "eu-isoe"];

/// What the function is told by its environment.
pub struct Config {
    /// Which requests are let in.
    pub tokens: Tokens,
    /// Where records go.
    pub queue: QueueConfig,
    /// `VAULT_BUCKET`: where what the queue cannot hold is kept.
    pub vault_bucket: Option<String>,
    /// How AWS is reached.
    pub aws: AwsConfig,
    /// The function's name, a dimension of its metrics.
    pub function_name: String,
}

/// The queue's part.
pub struct QueueConfig {
    /// `QUEUE_URL`.
    pub url: String,
    /// `QUEUE_MAX_BYTES`: the largest message, attributes counted.
    pub max_bytes: usize,
    /// `PUBLISH_BUDGET_MS`: the time for all attempts.
    pub budget: Duration,
}

/// AWS's own variables.
pub struct AwsConfig {
    /// `AWS_REGION`.
    pub region: String,
    /// `AWS_ENDPOINT_URL_SQS`, else `AWS_ENDPOINT_URL`.
    pub sqs_endpoint: Option<String>,
    /// `AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL`.
    pub s3_endpoint: Option<String>,
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<String>,
    /// Who may vouch for AWS.
    pub roots: Roots,
}

/// The certificates that a server's own must lead to.
#[derive(Debug, PartialEq, Eq)]
pub enum Roots {
    /// Amazon's own five, which come with this code.
    Amazon,
    /// The system's, which `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
    System,
    /// Those of the file that `AWS_CA_BUNDLE` names.
    Bundle(Vec<u8>),
}

/// How the log is written. It is known before the rest, so that what is wrong there can be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `AWS_LAMBDA_LOG_LEVEL`.
    pub level: LevelFilter,
    /// Whether lines are JSON: `AWS_LAMBDA_LOG_FORMAT` is not `Text`.
    pub json: bool,
}

/// A variable that is missing or wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its name.
    pub variable: &'static str,
    /// What was expected. Values are not repeated, since some are secrets.
    pub expected: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}", self.variable, self.expected)
    }
}

impl LogConfig {
    /// Reads the log's variables; what is wrong with them [`Config::from_env`] reports.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Self {
        let mut variables = Variables {
            get: &get,
            problems: Vec::new(),
        };
        Self {
            level: variables.log_level(),
            json: variables.logs_json(),
        }
    }
}

impl Config {
    /// Reads the environment by `get`. A variable that is set and empty counts as missing.
    ///
    /// # Errors
    /// All that is missing or wrong.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<Problem>> {
        let mut variables = Variables {
            get: &get,
            problems: Vec::new(),
        };
        variables.log_level();
        variables.logs_json();
        let tokens = variables.tokens();
        let queue = QueueConfig {
            url: variables
                .url("QUEUE_URL")
                .unwrap_or_else(|| variables.missing("QUEUE_URL")),
            max_bytes: variables
                .number("QUEUE_MAX_BYTES", MIN_MAX_BYTES, SQS_MAX_BYTES)
                .unwrap_or(SQS_MAX_BYTES),
            budget: variables
                .number(
                    "PUBLISH_BUDGET_MS",
                    1,
                    MAX_PUBLISH_BUDGET.as_millis() as usize,
                )
                .map_or(DEFAULT_PUBLISH_BUDGET, |millis| {
                    Duration::from_millis(millis as u64)
                }),
        };
        let vault_bucket = variables.bucket("VAULT_BUCKET");
        let endpoint = variables.url("AWS_ENDPOINT_URL");
        let region = variables.required("AWS_REGION");
        let aws = AwsConfig {
            roots: variables.roots(&region),
            region,
            sqs_endpoint: variables.url("AWS_ENDPOINT_URL_SQS").or(endpoint.clone()),
            s3_endpoint: variables.url("AWS_ENDPOINT_URL_S3").or(endpoint),
            access_key_id: variables.required("AWS_ACCESS_KEY_ID"),
            secret_access_key: variables.required("AWS_SECRET_ACCESS_KEY"),
            session_token: variables.get("AWS_SESSION_TOKEN"),
        };
        let function_name = variables
            .get("AWS_LAMBDA_FUNCTION_NAME")
            .unwrap_or_default();
        if variables.problems.is_empty() {
            Ok(Self {
                tokens,
                queue,
                vault_bucket,
                aws,
                function_name,
            })
        } else {
            Err(variables.problems)
        }
    }
}

/// The environment, and what was found wrong in it so far.
struct Variables<'g> {
    get: &'g dyn Fn(&str) -> Option<String>,
    problems: Vec<Problem>,
}

impl Variables<'_> {
    fn get(&self, variable: &str) -> Option<String> {
        (self.get)(variable)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    fn problem(&mut self, variable: &'static str, expected: &str) {
        self.problems.push(Problem {
            variable,
            expected: expected.to_owned(),
        });
    }

    /// Reports a missing variable, unless its value was reported as wrong.
    fn missing(&mut self, variable: &'static str) -> String {
        if !self
            .problems
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

    fn url(&mut self, variable: &'static str) -> Option<String> {
        let url = self.get(variable)?;
        let rest = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"));
        if rest.is_none_or(|rest| rest.is_empty() || rest.contains(char::is_whitespace)) {
            self.problem(variable, "a URL with http or https");
            return None;
        }
        Some(url)
    }

    /// Amazon's roots are enough for AWS itself, and parsing five certificates instead of the
    /// system's hundred and more is most of what a cold start saves. Whoever says where else to look
    /// is believed; endpoints of one's own and the partitions that have other roots need the system's.
    fn roots(&mut self, region: &str) -> Roots {
        if let Some(file) = self.get("AWS_CA_BUNDLE") {
            let bundle = fs::read(file).unwrap_or_default();
            if !are_certificates(&bundle) {
                self.problem("AWS_CA_BUNDLE", "a file with certificates in PEM");
            }
            return Roots::Bundle(bundle);
        }
        let names_roots = self.names_roots();
        let has_own_endpoint = |name| {
            self.get(name)
                .is_some_and(|endpoint| endpoint.starts_with("https:"))
        };
        let is_own = names_roots
            || ENDPOINTS.into_iter().any(has_own_endpoint)
            || OTHER_PARTITIONS
                .iter()
                .any(|prefix| region.starts_with(prefix));
        if is_own { Roots::System } else { Roots::Amazon }
    }

    /// Whether the system's certificates are said to be somewhere. What names a place without any
    /// is wrong; a certificate among them that cannot be read does no harm.
    fn names_roots(&mut self) -> bool {
        let file = self.get("SSL_CERT_FILE");
        let folders = self.get("SSL_CERT_DIR");
        if let Some(file) = &file {
            let bundle = fs::read(file).unwrap_or_default();
            if !CertificateDer::pem_slice_iter(&bundle).any(|found| found.is_ok()) {
                self.problem("SSL_CERT_FILE", "a file with certificates in PEM");
            }
        }
        if let Some(folders) = &folders
            && !env::split_paths(folders).any(|folder| folder.is_dir())
        {
            self.problem("SSL_CERT_DIR", "a folder");
        }
        file.is_some() || folders.is_some()
    }

    fn bucket(&mut self, variable: &'static str) -> Option<String> {
        let bucket = self.get(variable)?;
        let is_name = (3..=63).contains(&bucket.len())
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

    fn tokens(&mut self) -> Tokens {
        match self.get("CALLBACK_AUTH").as_deref() {
            None | Some("token") => {}
            Some("none") => return Tokens::none(),
            Some(_) => self.problem("CALLBACK_AUTH", "token or none"),
        }
        let Some(list) = self.get("CALLBACK_TOKEN_SHA256") else {
            let expected = "SHA-256 digests of accepted tokens, unless CALLBACK_AUTH is none";
            self.problem("CALLBACK_TOKEN_SHA256", expected);
            return Tokens::none();
        };
        let digests: Option<Vec<_>> = list.split(',').map(auth::digest_from_hex).collect();
        digests.map_or_else(
            || {
                let expected = "64 hexadecimal digits for each digest, separated by commas";
                self.problem("CALLBACK_TOKEN_SHA256", expected);
                Tokens::none()
            },
            Tokens::of_digests,
        )
    }
}

/// Whether this is PEM with at least one certificate, and each can be trusted as a root: the SDK
/// panics at one that cannot.
fn are_certificates(pem: &[u8]) -> bool {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    found.is_ok_and(|found| {
        let mut roots = RootCertStore::empty();
        !found.is_empty() && found.into_iter().all(|one| roots.add(one).is_ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "219c04a7bbd6d1a9e7e52c166bf6b61d015281b58d7af4507d2154a44bd34294";

    /// The configuration that these variables make, on top of what Lambda sets itself.
    fn config(variables: &[(&str, &str)]) -> Result<Config, Vec<String>> {
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
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
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
            ("QUEUE_URL", " https://q/1/a.fifo "),
            ("CALLBACK_TOKEN_SHA256", &two),
            ("QUEUE_MAX_BYTES", "262144"),
            ("PUBLISH_BUDGET_MS", "900"),
            ("AWS_ENDPOINT_URL", "http://localhost:1"),
            ("AWS_ENDPOINT_URL_SQS", "http://localhost:2"),
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
        assert_eq!(config.aws.session_token, None);
    }

    #[test]
    fn ok_anyone_is_let_in_only_by_name() {
        assert!(config(&[("QUEUE_URL", "https://q/1/a"), ("CALLBACK_AUTH", "none")]).is_ok());
    }

    #[test]
    fn ok_roots_by_who_is_spoken_to() {
        let needed = [("QUEUE_URL", "https://q/1/a"), ("CALLBACK_AUTH", "none")];
        let roots =
            |variables: &[(&str, &str)]| config(&[variables, &needed].concat()).unwrap().aws.roots;
        assert_eq!(roots(&[]), Roots::Amazon);
        assert_eq!(
            roots(&[("AWS_ENDPOINT_URL", "http://localhost:1")]),
            Roots::Amazon
        );
        assert_eq!(
            roots(&[("AWS_ENDPOINT_URL_SQS", "https://localhost:1")]),
            Roots::System
        );
        assert_eq!(roots(&[("AWS_REGION", "cn-north-1")]), Roots::System);
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/amazon_roots.pem");
        assert_eq!(roots(&[("SSL_CERT_FILE", file)]), Roots::System);
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
        assert_eq!(roots(&[("SSL_CERT_DIR", folder)]), Roots::System);
        let bundle = Roots::Bundle(fs::read(file).unwrap());
        assert_eq!(roots(&[("AWS_CA_BUNDLE", file)]), bundle);
    }

    #[test]
    fn err_certificates_that_are_none() {
        let empty = pem("empty", "");
        let number = pem("number", "MDEyMw==");
        let no_text = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        for file in ["/nonexistent", no_text, &empty, &number] {
            let problems = config(&[
                ("QUEUE_URL", "https://q/1/a"),
                ("CALLBACK_AUTH", "none"),
                ("AWS_CA_BUNDLE", file),
            ]);
            let expected = ["AWS_CA_BUNDLE: expected a file with certificates in PEM"];
            assert_eq!(problems.err().unwrap(), expected, "{file}");
        }
        fs::remove_file(empty).unwrap();
        fs::remove_file(number).unwrap();
        let problems = config(&[
            ("QUEUE_URL", "https://q/1/a"),
            ("CALLBACK_AUTH", "none"),
            ("SSL_CERT_FILE", no_text),
            ("SSL_CERT_DIR", no_text),
        ]);
        let expected = [
            "SSL_CERT_FILE: expected a file with certificates in PEM",
            "SSL_CERT_DIR: expected a folder",
        ];
        assert_eq!(problems.err().unwrap(), expected);
    }

    /// A file in PEM with this where a certificate should be.
    fn pem(name: &str, base64: &str) -> String {
        let file = env::temp_dir().join(format!("callback-{name}-{}.pem", std::process::id()));
        let text = format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
        fs::write(&file, text).unwrap();
        file.into_os_string().into_string().unwrap()
    }

    #[test]
    fn err_all_that_is_wrong_is_said_at_once() {
        let expected = [
            "AWS_LAMBDA_LOG_LEVEL: expected TRACE, DEBUG, INFO, WARN, ERROR or FATAL",
            "AWS_LAMBDA_LOG_FORMAT: expected JSON or Text",
            "CALLBACK_AUTH: expected token or none",
            "CALLBACK_TOKEN_SHA256: expected 64 hexadecimal digits for each digest, separated by commas",
            "QUEUE_URL: expected a URL with http or https",
            "QUEUE_MAX_BYTES: expected a whole number from 1024 to 1048576",
            "PUBLISH_BUDGET_MS: expected a whole number from 1 to 60000",
            "VAULT_BUCKET: expected the name of an S3 bucket",
            "AWS_ENDPOINT_URL: expected a URL with http or https",
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
