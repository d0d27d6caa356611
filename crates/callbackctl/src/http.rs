//! Configures the HTTP client for function URLs and Tencent's API.

use std::time::Duration;

use ureq::{
    Error,
    tls::{RootCerts, TlsConfig},
};

/// Returns a client with the system's trust store. `timeout` includes the time to receive the response.
/// Redirects are not followed: a redirect could send a token to another host.
pub(crate) fn agent(timeout: Duration) -> ureq::Agent {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    ureq::Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .build()
        .into()
}

/// Describes why a request failed, without quoting the request.
pub(crate) fn describe(error: &Error) -> String {
    match error {
        Error::Timeout(_) => "request timed out".to_owned(),
        Error::Io(error) => format!("connection failed: {error}"),
        Error::HostNotFound => "host not found".to_owned(),
        Error::BodyExceedsLimit(limit) => format!("the response exceeds {limit} bytes"),
        Error::Tls(reason) => format!("TLS failed: {reason}"),
        Error::Rustls(error) => format!("TLS failed: {error}"),
        // Other errors may quote the URL.
        _ => "not an HTTP response".to_owned(),
    }
}
