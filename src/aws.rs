//! Configures the SDK for the clients of the queue and the vault, and retries their calls.

use std::time::Duration;

// Types that all SDKs share, imported through one of them.
use aws_sdk_sqs::{
    config::{
        BehaviorVersion, Credentials, SharedCredentialsProvider, SharedHttpClient,
        StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig,
    },
    error::{ProvideErrorMetadata, SdkError},
};
use aws_smithy_async::rt::sleep::TokioSleep;
#[cfg(feature = "cli")]
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::{
    Connector,
    tls::{self, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnectorSettings, SharedHttpConnector, http_client_fn},
    orchestrator::HttpResponse,
    result::DispatchFailure,
};
#[cfg(feature = "cli")]
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use aws_types::{SdkConfig, app_name::AppName, region::Region};
use tokio::time::{Instant, sleep, timeout_at};

use crate::config::{AwsConfig, Roots};

/// The roots of Amazon Trust Services, which issues the certificates of AWS's services. The first
/// of them expires at the end of 2037.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon_roots.pem");

/// Longer than any error code of AWS: a longer text is not a code.
const MAX_CODE_LENGTH: usize = 80;

/// Describes a failed call, without any text of what was sent.
pub fn describe<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match error {
        // The message may quote the request.
        SdkError::ServiceError(service) => code(service.err().code()).to_owned(),
        // These two kinds are errors of the network; any other may quote the request.
        SdkError::DispatchFailure(failure) if failure.is_io() || failure.is_timeout() => {
            let failure = failure.as_connector_error();
            let sources =
                std::iter::successors(failure.and_then(std::error::Error::source), |error| {
                    error.source()
                });
            let texts: Vec<_> = sources.map(ToString::to_string).collect();
            format!("expected a connection, but found: {}", texts.join(": "))
        }
        SdkError::DispatchFailure(failure) if is_cut_off(failure) => {
            "the connection was closed before the answer".to_owned()
        }
        SdkError::TimeoutError(_) => "expected an answer in time".to_owned(),
        SdkError::ResponseError(_) => "expected an answer that can be read".to_owned(),
        _ => "expected a call that can be made".to_owned(),
    }
}

/// Returns the error code of a service, if it looks like one: another server may put any text there,
/// and the code goes to the log and into the vault.
pub(crate) fn code(said: Option<&str>) -> &str {
    let is_code = |code: &&str| {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        code.len() <= MAX_CODE_LENGTH && code.bytes().all(is_legal)
    };
    said.filter(is_code).unwrap_or("an error without a code")
}

/// Parts of error codes after which the same call may succeed later. Services behind another one are a
/// prefix of the code: `KMS.ThrottlingException`.
const TRANSIENT: [&str; 7] = [
    "Throttl",
    "TooManyRequests",
    "LimitExceeded",
    "SlowDown",
    "Internal",
    "Unavailable",
    "Timeout",
];

/// Returns whether a call with this code may succeed later.
pub(crate) fn is_transient(code: &str) -> bool {
    TRANSIENT.iter().any(|part| code.contains(part))
}

/// Returns whether the same call may succeed later: not without a permission, a queue, or a request
/// that the service can read.
pub(crate) fn can_pass<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status();
            status.is_server_error()
                || status.as_u16() == 429
                || service.err().code().is_some_and(is_transient)
        }
        SdkError::DispatchFailure(failure) => {
            failure.is_io() || failure.is_timeout() || is_cut_off(failure)
        }
        SdkError::ConstructionFailure(_) => false,
        _ => true,
    }
}

/// Returns whether the connection was closed before the answer was complete: of the errors that the
/// SDK does not classify, only this one has a kind.
fn is_cut_off(failure: &DispatchFailure) -> bool {
    failure.as_other().is_some()
}

/// Why an attempt of a call failed.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The error of the service or of the connection, without any text of what was sent.
    pub(crate) reason: String,
    /// Whether another attempt may succeed.
    pub(crate) can_pass: bool,
}

/// When to stop retrying a call.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    /// When the last attempt must have ended.
    pub(crate) deadline: Instant,
    /// The largest number of attempts. The function has no such limit, only its deadline.
    pub(crate) tries: usize,
}

/// The largest number of attempts in an operator's command, which can be repeated.
#[cfg(feature = "cli")]
pub(crate) const OPERATOR_TRIES: usize = 5;

/// The longest wait before the second attempt. It doubles for each later one.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);

/// The longest wait between two attempts: a longer one would delay recovery.
const MAX_BACKOFF: Duration = Duration::from_millis(400);

/// The time that the last attempt needs: SQS answers in 20 ms.
const LAST_TRY: Duration = Duration::from_millis(100);

/// Retries a call with back-off until it succeeds, fails permanently, or reaches its limit. The last
/// attempt starts [`LAST_TRY`] before the deadline, so that a fault that ends sooner is survived. Adds
/// the number of retries to `retries`.
///
/// # Errors
/// Returns the reason of the last fault. The call may have succeeded nevertheless: an answer can be
/// lost.
pub(crate) async fn retry<T>(
    limit: Limit,
    retries: &mut usize,
    mut attempt: impl AsyncFnMut() -> Result<T, Fault>,
) -> Result<T, String> {
    let begin = Instant::now();
    let mut backoff = FIRST_BACKOFF;
    let mut last = None;
    for tried in 1.. {
        let mut is_over = tried == limit.tries;
        match timeout_at(limit.deadline, attempt()).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(fault)) => {
                is_over |= !fault.can_pass;
                last = Some(fault.reason);
            }
            Err(_) => is_over = true,
        }
        let left = limit.deadline.saturating_duration_since(Instant::now());
        if is_over || left <= LAST_TRY {
            let millis = begin.elapsed().as_millis();
            return Err(match last {
                None => format!("request timed out after {millis} ms"),
                Some(reason) if tried == 1 => reason,
                Some(reason) => format!("{reason}; tried {tried} times in {millis} ms"),
            });
        }
        // Half of it is random, so that functions that failed together do not retry together.
        let wait = backoff.mul_f64(0.5 + fastrand::f64() / 2.0);
        sleep(wait.min(left - LAST_TRY)).await;
        backoff = (2 * backoff).min(MAX_BACKOFF);
        *retries += 1;
    }
    unreachable!("it tries until it returns")
}

/// The time for one attempt: SQS answers in 20 ms, and S3 stores 4 MB in 200 ms.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1000);

/// The time to connect. Within a region it takes a millisecond, and the first DNS lookup some more.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(600);

/// Returns the SDK configuration of the function. It does not use aws-config, whose credential chain
/// would be initialized in every cold start; Lambda needs the environment only.
pub(crate) fn sdk_config(config: &AwsConfig) -> SdkConfig {
    let credentials = Credentials::new(
        &config.access_key_id,
        &config.secret_access_key,
        config.session_token.clone(),
        None,
        "environment",
    );
    SdkConfig::builder()
        .behavior_version(behavior_version())
        .app_name(AppName::new("cloud-infinite-callback").expect("letters and hyphens"))
        .region(Region::new(config.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http_client(&config.roots))
        // `retry` replaces it: the SDK counts attempts, and knows neither the deadlines nor what
        // confirms that a message or an object was stored.
        .retry_config(RetryConfig::disabled())
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .build(),
        )
        // It detects streams that stall for seconds; every budget here is shorter.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}

/// The version of the SDK's defaults, so that a newer SDK does not change them.
fn behavior_version() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// Returns the SDK configuration of operators: the complete chain of credentials, regions and profiles,
/// and the SDK's own time-outs.
#[cfg(feature = "cli")]
pub async fn operator_sdk_config() -> SdkConfig {
    let loader = aws_config::defaults(behavior_version()).http_client(
        Builder::new()
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build_https(),
    );
    let loaded = loader.load().await;
    let config = loaded.to_builder().service_config(NotEmpty(loaded));
    config.build()
}

/// The settings of each service, such as `AWS_ENDPOINT_URL_SQS`. An empty one counts as not set, as in
/// the function.
#[cfg(feature = "cli")]
#[derive(Debug)]
struct NotEmpty(SdkConfig);

#[cfg(feature = "cli")]
impl LoadServiceConfig for NotEmpty {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let value = self.0.service_config()?.load_config(key)?;
        Some(value).filter(|value| !value.is_empty())
    }
}

/// Returns one HTTP client for all SDK clients. The SDK's own builder parses the certificates twice, at
/// start and at the first call; this one does it once. All clients share its connect time-out.
fn http_client(roots: &Roots) -> SharedHttpClient {
    let trust_store = match roots {
        Roots::Amazon => TrustStore::empty().with_pem_certificate(AMAZON_ROOTS),
        Roots::System => TrustStore::default(),
        Roots::Bundle(bundle) => TrustStore::empty().with_pem_certificate(bundle.as_slice()),
    };
    let context = TlsContext::builder().with_trust_store(trust_store).build();
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT);
    let connector = Connector::builder()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .tls_context(context.expect("a trust store is all it needs"))
        .connector_settings(settings.build())
        .sleep_impl(TokioSleep::new())
        .build();
    let connector = SharedHttpConnector::new(connector);
    http_client_fn(move |_, _| connector.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_code_is_not_repeated() {
        for said in [
            "AccessDenied",
            "AWS.SimpleQueueService.NonExistentQueue",
            "InternalError",
        ] {
            assert_eq!(code(Some(said)), said);
        }
        for said in [
            Some("token=s3cret"),
            Some("<JobId>a</JobId>"),
            Some(&*"a".repeat(81)),
            None,
        ] {
            assert_eq!(code(said), "an error without a code", "{said:?}");
        }
    }

    fn fault(can_pass: bool) -> Fault {
        Fault {
            reason: "Throttling".to_owned(),
            can_pass,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn tries_are_made_until_no_time_is_left_and_never_far_apart() {
        let begin = Instant::now();
        let limit = Limit {
            deadline: begin + Duration::from_secs(10),
            tries: usize::MAX,
        };
        let (mut retries, mut times) = (0, Vec::new());
        let tried = retry(limit, &mut retries, async || {
            times.push(begin.elapsed());
            Err::<(), _>(fault(true))
        });
        let reason = tried.await.expect_err("each try fails");
        assert_eq!(retries, times.len() - 1);
        let tried = times.len();
        assert_eq!(
            reason,
            format!("Throttling; tried {tried} times in 9900 ms")
        );
        for pair in times.windows(2) {
            let wait = pair[1] - pair[0];
            // The clock has milliseconds.
            assert!(wait <= MAX_BACKOFF + Duration::from_millis(1), "{times:?}");
        }
        assert!(tried < 60, "it is not hammered: {times:?}");
        assert!(limit.deadline - (begin + times[tried - 1]) <= LAST_TRY);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_tried_once_where_that_is_enough() {
        let begin = Instant::now();
        let limit = Limit {
            deadline: begin + Duration::from_secs(10),
            tries: usize::MAX,
        };
        let mut retries = 0;
        let good = retry(limit, &mut retries, async || Ok(1)).await;
        let hopeless = async || Err::<u8, _>(fault(false));
        let bad = retry(limit, &mut retries, hopeless).await;
        assert_eq!((good, bad), (Ok(1), Err("Throttling".to_owned())));
        let silent = retry(limit, &mut retries, std::future::pending::<Result<u8, _>>);
        let timed_out = "request timed out after 10000 ms";
        assert_eq!(silent.await, Err(timed_out.to_owned()));
        assert_eq!(retries, 0);
    }
}
