//! How AWS's services are reached: what the clients of the queue and the vault share.

use std::time::Duration;

// The types that all SDKs share, by way of one that is here anyway.
use aws_sdk_sqs::{
    config::{
        BehaviorVersion, Credentials, SharedCredentialsProvider, SharedHttpClient,
        StalledStreamProtectionConfig,
        retry::{RetryConfig, RetryPartition, TokenBucket},
        timeout::TimeoutConfig,
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
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpConnector, http_client_fn,
};
use aws_types::{SdkConfig, app_name::AppName, region::Region};

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

/// How often a call is tried. The time is bounded by budgets; this bounds the load.
const MAX_ATTEMPTS: u32 = 5;

/// The wait before the first retry, at most: the SDK takes a random part of it and doubles it. Its
/// default of a second would leave room for one retry only.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);

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
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(MAX_ATTEMPTS)
                .with_initial_backoff(FIRST_BACKOFF),
        )
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

/// A quota for retries that never runs out. The SDK's own is used up by an outage, after which the
/// first fault would cost a callback; here attempts and budgets bound the load instead.
pub(crate) fn retry_partition() -> RetryPartition {
    RetryPartition::custom("callback")
        .token_bucket(TokenBucket::unlimited())
        .build()
}

/// The operator's clients' common part: AWS's whole chain of credentials, regions and profiles, and
/// its patience.
#[cfg(feature = "cli")]
pub async fn operator_sdk_config() -> SdkConfig {
    aws_config::defaults(behavior_version())
        .http_client(
            Builder::new()
                .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
                .build_https(),
        )
        .load()
        .await
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
}
