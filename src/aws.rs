//! How AWS's services are reached: what the clients of the queue and the vault share.

use aws_sdk_sqs::{
    config::{
        BehaviorVersion, Credentials, SharedCredentialsProvider, StalledStreamProtectionConfig,
    },
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
};
use aws_smithy_http_client::{Builder, tls};
use aws_types::{SdkConfig, app_name::AppName, region::Region};

use crate::config::AwsConfig;

/// What a service, or the way to it, said of a call that failed: never a word of what was sent.
pub(crate) fn describe<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match error {
        // Its message may quote the request.
        SdkError::ServiceError(service) => service
            .err()
            .code()
            .unwrap_or("an error without a code")
            .to_owned(),
        other => DisplayErrorContext(other).to_string(),
    }
}

/// The clients' common part. Made by hand: aws-config would add its chain of credential providers,
/// of which Lambda needs the environment only, to every cold start.
pub(crate) fn sdk_config(config: &AwsConfig) -> SdkConfig {
    let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    let credentials = Credentials::new(
        &config.access_key_id,
        &config.secret_access_key,
        config.session_token.clone(),
        None,
        "environment",
    );
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .app_name(AppName::new("cloud-infinite-callback").expect("letters and hyphens"))
        .region(Region::new(config.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(Builder::new().tls_provider(ring).build_https())
        // It watches for streams that stall for seconds; every budget here is shorter.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}
