//! Creates the AWS clients, so that all commands use the same settings.

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

/// The timeout of one attempt: long enough for an object of several megabytes.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// The timeout of one attempt to send: the time budget of a batch allows two attempts.
const SEND_TIMEOUT: Duration = Duration::from_secs(12);

/// The AWS clients.
pub(crate) struct Clients {
    config: SdkConfig,
}

impl Clients {
    /// Loads the AWS settings from the environment and profiles, with the default credential chain.
    ///
    /// # Errors
    /// Returns an error if no region or no credentials are configured.
    pub(crate) async fn load() -> anyhow::Result<Self> {
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
            .context("no AWS region: set AWS_REGION, or AWS_PROFILE to a profile with a region")?;
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
        Ok(Self {
            config: config.build(),
        })
    }

    /// Creates an SQS client.
    pub(crate) fn sqs(&self) -> aws_sdk_sqs::Client {
        library_queue::client(&self.config, None)
    }

    /// Creates an SQS client without retries. The publisher retries by itself.
    pub(crate) fn sqs_for_sending(&self) -> aws_sdk_sqs::Client {
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(SEND_TIMEOUT);
        let config = self
            .config
            .to_builder()
            .retry_config(RetryConfig::disabled());
        library_queue::client(&config.timeout_config(timeouts.build()).build(), None)
    }

    /// Creates an S3 client. Like the function's client, it uses path-style requests for a custom endpoint: the
    /// SDK would prepend the bucket to the host name.
    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        let key = ServiceConfigKey::builder()
            .service_id("s3")
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url");
        let key = key.build().expect("all required fields are set");
        let of_service = self.config.service_config();
        let endpoint = of_service.and_then(|settings| settings.load_config(key));
        let endpoint = endpoint.or_else(|| self.config.endpoint_url().map(str::to_owned));
        library_vault::client(&self.config, endpoint.as_deref())
    }

    /// Creates a CloudWatch Logs client.
    pub(crate) fn logs(&self) -> aws_sdk_cloudwatchlogs::Client {
        aws_sdk_cloudwatchlogs::Client::new(&self.config)
    }
}

/// Loads service-specific settings, such as `AWS_ENDPOINT_URL_SQS`. Ignores empty values, like the function.
#[derive(Debug)]
struct NotEmpty(SdkConfig);

impl LoadServiceConfig for NotEmpty {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let value = self.0.service_config()?.load_config(key)?;
        Some(value).filter(|value| !value.is_empty())
    }
}
