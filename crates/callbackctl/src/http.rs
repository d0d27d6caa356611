//! The HTTP client for a deployed URL and for the vendor.

use std::{fmt, io, time::Duration};

use ureq::tls::{RootCerts, TlsConfig};

/// Returns a client with the system's trust store. `timeout` includes the time to receive the response.
/// Redirects are not followed: they could send a token to another host.
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

/// Why a request failed. Never contains text of the request.
#[derive(Debug)]
pub(crate) enum HttpError {
    TimedOut,
    /// The body has more bytes than this.
    TooLarge(u64),
    Connection(String),
}

impl From<ureq::Error> for HttpError {
    fn from(error: ureq::Error) -> Self {
        Self::Connection(match error {
            ureq::Error::Timeout(_) => return Self::TimedOut,
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Self::TimedOut;
            }
            ureq::Error::BodyExceedsLimit(limit) => return Self::TooLarge(limit),
            ureq::Error::Io(error) => format!("connection failed: {}", error.kind()),
            ureq::Error::HostNotFound => "host not found".to_owned(),
            ureq::Error::Tls(reason) => format!("TLS failed: {reason}"),
            ureq::Error::Rustls(error) => format!("TLS failed: {error}"),
            // Some of these quote the URL.
            _ => "expected an HTTP answer".to_owned(),
        })
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("request timed out"),
            Self::TooLarge(limit) => write!(f, "expected at most {limit} bytes"),
            Self::Connection(reason) => f.write_str(reason),
        }
    }
}
