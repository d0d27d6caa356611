//! Configures the SDK for the clients of the queue and the vault, and classifies the failures of their calls.

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
use aws_smithy_http_client::{
    Connector,
    tls::{self, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnectorSettings, SharedHttpConnector, http_client_fn},
    orchestrator::HttpResponse,
    result::DispatchFailure,
};
use aws_types::{SdkConfig, app_name::AppName, region::Region};

use crate::{
    config::{AwsConfig, Roots},
    retry::{Fault, FaultKind},
};

/// The roots of Amazon Trust Services, which issues the certificates of AWS's services. The first
/// of them expires at the end of 2037.
const AMAZON_ROOTS: &[u8] = include_bytes!("amazon_roots.pem");

/// The maximum length of an error code, in bytes. All AWS error codes are shorter.
const MAX_CODE_LENGTH: usize = 80;

/// Describes a failed call, without quoting the request.
pub fn describe<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match error {
        // The message may quote the request.
        SdkError::ServiceError(service) => loggable_code(service.err().code()).to_owned(),
        // Network errors. Other kinds of errors may quote the request.
        SdkError::DispatchFailure(failure) if failure.is_io() || failure.is_timeout() => {
            let failure = failure.as_connector_error();
            let sources =
                std::iter::successors(failure.and_then(std::error::Error::source), |error| {
                    error.source()
                });
            let texts: Vec<_> = sources.map(ToString::to_string).collect();
            format!("connection failed: {}", texts.join(": "))
        }
        SdkError::DispatchFailure(failure) if is_connection_closed(failure) => {
            "the connection was closed before the response was complete".to_owned()
        }
        SdkError::TimeoutError(_) => "the request timed out".to_owned(),
        SdkError::ResponseError(_) => "the response could not be read".to_owned(),
        _ => "the request could not be sent".to_owned(),
    }
}

/// Returns an error code that is safe to log: a server that is not AWS may put any text there.
pub(crate) fn loggable_code(code: Option<&str>) -> &str {
    let is_code = |code: &&str| {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        code.len() <= MAX_CODE_LENGTH && code.bytes().all(is_legal)
    };
    code.filter(is_code).unwrap_or("an error without a code")
}

/// Substrings of error codes after which a retry may succeed. The code of an underlying service has a
/// prefix: `KMS.ThrottlingException`.
const TRANSIENT: [&str; 7] = [
    "Throttl",
    "TooManyRequests",
    "LimitExceeded",
    "SlowDown",
    "Internal",
    "Unavailable",
    "Timeout",
];

/// Returns whether a call that failed with this code may succeed later.
pub(crate) fn is_transient(code: &str) -> bool {
    contains_any(code, &TRANSIENT)
}

/// Returns whether a code contains one of these parts.
pub(crate) fn contains_any(code: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| code.contains(part))
}

/// Returns whether the same call may succeed later. Returns `false` for a missing permission or resource, and for a
/// malformed request.
fn may_succeed_later<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status();
            // A successful response whose body cannot be parsed comes from a proxy, not from AWS.
            status.is_success()
                || status.is_server_error()
                || status.as_u16() == 429
                || service.err().code().is_some_and(is_transient)
        }
        SdkError::DispatchFailure(failure) => {
            failure.is_io() || failure.is_timeout() || is_connection_closed(failure)
        }
        SdkError::ConstructionFailure(_) => false,
        _ => true,
    }
}

/// Classifies a failed call. Error codes in `refusals` concern the request itself.
pub(crate) fn classify<E>(error: &SdkError<E, HttpResponse>, refusals: &[&str]) -> Fault
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let code = match error {
        SdkError::ServiceError(service) => service.err().code(),
        _ => None,
    };
    let kind = if may_succeed_later(error) {
        FaultKind::Transient
    } else if code.is_some_and(|code| contains_any(code, refusals)) {
        FaultKind::Refused
    } else {
        FaultKind::Permanent
    };
    Fault {
        reason: describe(error),
        kind,
    }
}

/// Returns whether the connection was closed before the response was complete: of the errors that the SDK does
/// not classify, only this one has a kind.
fn is_connection_closed(failure: &DispatchFailure) -> bool {
    failure.as_other().is_some()
}

/// The timeout of one attempt. SQS responds in 20 ms, and S3 stores 4 MB in 200 ms.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1000);

/// The timeout for connecting, which takes a millisecond within a region, and longer with the first DNS lookup.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(600);

/// Returns the SDK configuration of the function. It does not use aws-config, whose credential chain would be
/// initialized in every cold start; on Lambda, the environment is sufficient.
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
        // `retry` is used instead, because the last attempt must start just before the deadline.
        .retry_config(RetryConfig::disabled())
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .build(),
        )
        // It detects streams that stall for seconds, but all time budgets are shorter.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}

/// Returns the version of the SDK's defaults, so that a newer SDK does not change them.
pub fn behavior_version() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// Returns one HTTP client for all SDK clients. The SDK's own builder parses the certificates twice, at
/// start and at the first call; this one does it once. All clients share its connect timeout.
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
    fn text_that_is_not_a_code_is_not_quoted() {
        for text in [
            "AccessDenied",
            "AWS.SimpleQueueService.NonExistentQueue",
            "InternalError",
        ] {
            assert_eq!(loggable_code(Some(text)), text);
        }
        for text in [
            Some("token=s3cret"),
            Some("<JobId>a</JobId>"),
            Some(&*"a".repeat(81)),
            None,
        ] {
            assert_eq!(loggable_code(text), "an error without a code", "{text:?}");
        }
    }
}
