//! How AWS's services are reached: what the clients of the queue and the vault share.

use std::time::Duration;

// The types that all SDKs share, by way of one that is here anyway.
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

/// The roots of Amazon Trust Services, which AWS's services have their certificates from. The first
/// of them ends with the year 2037.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon_roots.pem");

/// Longer than the longest code of AWS's: what is longer is none.
const MAX_CODE_LENGTH: usize = 80;

/// What a service, or the way to it, said of a call that failed: never a word of what was sent.
pub fn describe<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match error {
        // Its message may quote the request.
        SdkError::ServiceError(service) => code(service.err().code()).to_owned(),
        // Of a connection's errors these two are the network's own; any other may quote the request.
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

/// A service's code for an error, if it looks like one: a server that is not AWS's may say anything
/// there, and what it says goes to the log and into the vault.
pub(crate) fn code(said: Option<&str>) -> &str {
    let is_code = |code: &&str| {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        code.len() <= MAX_CODE_LENGTH && code.bytes().all(is_legal)
    };
    said.filter(is_code).unwrap_or("an error without a code")
}

/// What a service's code has in it if the same call may succeed later. Services that stand behind
/// another one put their name before it: `KMS.ThrottlingException`.
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

/// Returns whether the connection was closed before the whole answer had come: of the errors that the
/// SDK does not classify, only this one has a kind.
fn is_cut_off(failure: &DispatchFailure) -> bool {
    failure.as_other().is_some()
}

/// Why a try of a call failed.
#[derive(Debug)]
pub(crate) struct Fault {
    /// What the service, or the way to it, said: never a word of what was sent.
    pub(crate) reason: String,
    /// Whether another try may succeed.
    pub(crate) can_pass: bool,
}

/// How long a call is tried.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    /// When the last try must have ended.
    pub(crate) deadline: Instant,
    /// The most tries. The function has no such limit: its time ends them.
    pub(crate) tries: usize,
}

/// The most tries of an operator's command, which someone can start again.
#[cfg(feature = "cli")]
pub(crate) const OPERATOR_TRIES: usize = 5;

/// The wait before the second try, at most; it doubles for each one after that.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);

/// The longest wait between two tries. Longer ones would sleep through the end of a fault.
const MAX_BACKOFF: Duration = Duration::from_millis(400);

/// What a last try needs: SQS answers in 20 ms.
const LAST_TRY: Duration = Duration::from_millis(100);

/// Tries a call until it succeeds, fails for good, or reaches its limit. The last try begins
/// [`LAST_TRY`] before the deadline, so that a fault which ends sooner is always survived. Adds the
/// tries after the first to `retries`.
///
/// # Errors
/// The reason of the last fault. The call may have succeeded all the same: an answer can be lost.
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
        // Half of it at random: functions that failed together do not come back together.
        let wait = backoff.mul_f64(0.5 + fastrand::f64() / 2.0);
        sleep(wait.min(left - LAST_TRY)).await;
        backoff = (2 * backoff).min(MAX_BACKOFF);
        *retries += 1;
    }
    unreachable!("it tries until it returns")
}

/// A server that has not answered by then is tried again: SQS answers in 20 ms, and S3 takes a body
/// of 4 MB in 200.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1000);

/// Within a region a connection takes a millisecond, and a first name look-up some more.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(600);

/// The function's clients' common part. Made by hand: aws-config would add its chain of credential
/// providers, of which Lambda needs the environment only, to every cold start.
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
        // `retry` is instead: the SDK counts tries, and knows neither our deadlines nor what makes an
        // answer one of SQS or S3.
        .retry_config(RetryConfig::disabled())
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .build(),
        )
        // It watches for streams that stall for seconds; every budget here is shorter.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}

/// The SDK's defaults of a day, which a newer SDK leaves as they were.
fn behavior_version() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// The operator's clients' common part: AWS's whole chain of credentials, regions and profiles, and
/// its patience.
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

/// The settings of each service, among them `AWS_ENDPOINT_URL_SQS`. An empty one counts as not set, as
/// it does for the function.
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

/// Connections for every client that is made with it. The SDK's own way reads the certificates
/// twice, for a check at start and at the first call; here it is once. The time-outs of a client's own
/// connections do not count: all have these.
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
