//! AWS: one set of clients, so that all commands read the same settings.

pub(crate) mod event_log;
pub(crate) mod publisher;
pub(crate) mod queue;
pub(crate) mod vault;

use std::time::Duration;

use anyhow::{Context, anyhow};
use aws_config::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_sqs::config::ProvideCredentials;
use aws_smithy_http_client::{
    Builder,
    tls::{self, rustls_provider::CryptoMode},
};
use aws_types::{
    SdkConfig,
    service_config::{LoadServiceConfig, ServiceConfigKey},
};
use cloud_infinite_callback::{aws, queue as library_queue, vault as library_vault};

/// The time for an attempt at a call. An object of some megabytes fits.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// The time for an attempt at sending: two of them fit into the time for a batch.
const SEND_TIMEOUT: Duration = Duration::from_secs(12);

/// Loads the settings of AWS: environment, profiles, and the complete chain of credentials.
///
/// # Errors
/// If there is no region, or there are no credentials.
async fn aws_config() -> anyhow::Result<SdkConfig> {
    let client = Builder::new()
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT);
    let loader = aws_config::defaults(aws::behavior_version())
        .http_client(client)
        .timeout_config(timeouts.build());
    let loaded = loader.load().await;
    loaded
        .region()
        .context("no AWS region: set AWS_REGION, or AWS_PROFILE to a profile that has one")?;
    let provider = loaded
        .credentials_provider()
        .context("no AWS credentials")?;
    let credentials = provider
        .provide_credentials()
        .await
        .map_err(anyhow::Error::from);
    credentials.map_err(|causes| {
        anyhow!(
            "no AWS credentials ({causes:#}): set AWS_PROFILE, or AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY, or run aws sso login"
        )
    })?;
    let config = loaded.to_builder().service_config(NotEmpty(loaded));
    Ok(config.build())
}

/// The clients of AWS.
pub(crate) struct Clients {
    config: SdkConfig,
}

impl Clients {
    /// Loads the settings.
    ///
    /// # Errors
    /// If there is no region, or there are no credentials.
    pub(crate) async fn load() -> anyhow::Result<Self> {
        let config = aws_config().await?;
        Ok(Self { config })
    }

    /// Returns a client of SQS.
    pub(crate) fn sqs(&self) -> aws_sdk_sqs::Client {
        library_queue::client(&self.config, None)
    }

    /// Returns a client of SQS without retries: the publisher has its own.
    pub(crate) fn sqs_for_sending(&self) -> aws_sdk_sqs::Client {
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(SEND_TIMEOUT);
        let config = self
            .config
            .to_builder()
            .retry_config(RetryConfig::disabled());
        library_queue::client(&config.timeout_config(timeouts.build()).build(), None)
    }

    /// Returns a client of S3. Like the function's, it uses path-style requests for a custom endpoint,
    /// wherever that is set: the SDK itself would put the bucket before its host name.
    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let key = ServiceConfigKey::builder()
            .service_id("s3")
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url");
        let key = key.build().expect("all three are set");
        let of_service = self.config.service_config();
        let endpoint = of_service.and_then(|settings| settings.load_config(key));
        let endpoint = endpoint.or_else(|| self.config.endpoint_url().map(str::to_owned));
        library_vault::client(&self.config, endpoint.as_deref())
    }

    /// Returns a client of CloudWatch Logs.
    pub(crate) fn logs(&self) -> aws_sdk_cloudwatchlogs::Client {
        aws_sdk_cloudwatchlogs::Client::new(&self.config)
    }
}

/// The settings of each service, such as `AWS_ENDPOINT_URL_SQS`. An empty one counts as not set, as in
/// the function.
#[derive(Debug)]
struct NotEmpty(SdkConfig);

impl LoadServiceConfig for NotEmpty {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let value = self.0.service_config()?.load_config(key)?;
        Some(value).filter(|value| !value.is_empty())
    }
}
