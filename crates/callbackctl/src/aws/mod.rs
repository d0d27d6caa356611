//! The AWS clients of all commands: one way to make them, so that each reads the same settings.

pub(crate) mod event_log;
pub(crate) mod queue;
pub(crate) mod sender;
pub(crate) mod vault;

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_cloudwatchlogs::Client as LogsClient;
use aws_sdk_s3::Client as S3Client;
use aws_sdk_sqs::Client as SqsClient;
use aws_smithy_http_client::{
    Builder,
    tls::{self, rustls_provider::CryptoMode},
};
use aws_types::{
    SdkConfig,
    service_config::{LoadServiceConfig, ServiceConfigKey},
};
use cloud_infinite_callback::{aws, queue as sqs_queue, vault as s3_vault};

/// The largest number of attempts at a call: a command can be repeated.
pub(crate) const MAX_ATTEMPTS: usize = 5;

/// The time for an attempt at a call. An object of some megabytes fits.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// The settings of AWS: environment, profiles, and the complete chain of credentials.
pub(crate) struct Clients {
    config: SdkConfig,
}

impl Clients {
    /// Loads the settings.
    pub(crate) async fn load() -> Self {
        let client = Builder::new()
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT_TIMEOUT);
        let loader = aws_config::defaults(aws::behavior_version())
            .http_client(client)
            .timeout_config(timeouts.build());
        let loaded = loader.load().await;
        let config = loaded.to_builder().service_config(NotEmpty(loaded));
        Self {
            config: config.build(),
        }
    }

    /// Returns whether a region is set.
    pub(crate) fn has_region(&self) -> bool {
        self.config.region().is_some()
    }

    /// Returns a client of SQS.
    pub(crate) fn sqs(&self) -> SqsClient {
        sqs_queue::client(&self.config, None)
    }

    /// Returns a client of S3. Like the function's, it uses path-style requests for a custom endpoint,
    /// wherever that is set: the SDK itself would put the bucket before its host name.
    pub(crate) fn s3(&self) -> S3Client {
        let key = ServiceConfigKey::builder()
            .service_id("s3")
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url");
        let key = key.build().expect("all three are set");
        let of_service = self.config.service_config();
        let endpoint = of_service.and_then(|settings| settings.load_config(key));
        let endpoint = endpoint.or_else(|| self.config.endpoint_url().map(str::to_owned));
        s3_vault::client(&self.config, endpoint.as_deref())
    }

    /// Returns a client of CloudWatch Logs.
    pub(crate) fn logs(&self) -> LogsClient {
        LogsClient::new(&self.config)
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
