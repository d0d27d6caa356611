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

/// The default `PUBLISH_BUDGET_MS`. Tencent does not publish its timeout, so a shorter budget is safer.
pub(crate) const DEFAULT_PUBLISH_BUDGET: Duration = Duration::from_millis(2500);

/// The largest `PUBLISH_BUDGET_MS`: longer than any callback should wait.
const MAX_PUBLISH_BUDGET: Duration = Duration::from_secs(60);

/// The function's configuration.
pub struct Config {
    /// Which requests are accepted: `CALLBACK_AUTH` and `CALLBACK_TOKEN_SHA256`.
    pub(crate) authentication: Authentication,
    /// The queue for records.
    pub(crate) queue: QueueConfig,
    /// `VAULT_BUCKET`: the bucket for bodies and messages that the queue does not accept.
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
    /// `QUEUE_MAX_BYTES`: the largest message and the largest batch, attributes included.
    pub(crate) max_bytes: usize,
    /// `PUBLISH_BUDGET_MS`: the time for all attempts.
    pub(crate) budget: Duration,
}

/// Returns a queue URL without whitespace around it and slashes at its end: a queue whose URL ends in `.fifo`
/// is a FIFO queue.
pub fn trim_queue_url(url: &str) -> &str {
    url.trim().trim_end_matches('/')
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
                Some(url) => trim_queue_url(&url).to_owned(),
                None => env.report_missing("QUEUE_URL"),
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
            session_token: env
                .get("AWS_SESSION_TOKEN")
                .is_some()
                .then(|| env.credential("AWS_SESSION_TOKEN")),
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
            env.report_invalid(VARIABLE, "is not TRACE, DEBUG, INFO, WARN, ERROR or FATAL");
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
            env.report_invalid(VARIABLE, "is neither JSON nor Text");
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
        Some(_) => env.report_invalid("CALLBACK_AUTH", "is neither token nor none"),
    }
    let Some(list) = env.get(DIGESTS) else {
        env.report_invalid(DIGESTS, "is not set, and CALLBACK_AUTH is not none");
        return None;
    };
    let digests: Option<Vec<_>> = list.split(',').map(auth::digest_from_hex).collect();
    if digests.is_none() {
        env.report_invalid(
            DIGESTS,
            "contains a digest that does not have 64 hexadecimal digits",
        );
    }
    digests.map(Authentication::Tokens)
}

#[cfg(test)]
pub(super) mod tests;
