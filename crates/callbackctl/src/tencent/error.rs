//! The errors of API requests. They never contain text of the server, which may quote the request and its
//! signature.

use std::fmt;

use super::key::{SECRET_ID, SECRET_KEY, TOKEN};

/// Why a request failed.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The server returned an error.
    Refused { status: u16, code: Code },
    /// No complete response was received. Contains the host and the cause.
    Connection(String),
    /// The response does not match this API.
    Unusable(String),
    /// The time limit of the run was exceeded.
    TimeLimit,
}

/// The meaning of an error code of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// No request with this key can succeed.
    Key,
    /// This machine's clock is wrong.
    Clock,
    /// The key does not have the required permission.
    Permission,
    /// The job, queue or service does not exist.
    NotFound,
    Invalid,
    /// The same request may succeed later.
    Busy,
    Other,
}

/// An error code of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(&'static str, Meaning);

/// The known error codes.
const CODES: &[Code] = &[
    Code("SignatureDoesNotMatch", Meaning::Key),
    Code("InvalidAccessKeyId", Meaning::Key),
    Code("SecretidNotExist", Meaning::Key),
    Code("MissingAuthorization", Meaning::Key),
    Code("InvalidAuthorization", Meaning::Key),
    Code("ExpiredToken", Meaning::Key),
    Code("InvalidToken", Meaning::Key),
    Code("RequestTimeTooSkewed", Meaning::Clock),
    Code("SignatureExpired", Meaning::Clock),
    Code("AccessDenied", Meaning::Permission),
    Code("ResourceNotFound", Meaning::NotFound),
    Code("QueueNotFound", Meaning::NotFound),
    Code("MediaBucketUnBinded", Meaning::NotFound),
    Code("InvalidArgument", Meaning::Invalid),
    Code("SlowDown", Meaning::Busy),
    Code("InternalError", Meaning::Busy),
    Code("InvalidUrl", Meaning::Other),
    Code("InvalidHost", Meaning::Other),
    Code("NoSuchBucket", Meaning::Other),
];

impl ApiError {
    /// Creates the error for a response whose status is not 200.
    pub(super) fn refused(status: u16, code: Option<&str>) -> Self {
        let known = CODES.iter().find(|known| Some(known.0) == code).copied();
        let code = match (known, status) {
            (Some(code), _) => code,
            (None, 401) => Code("unknown error", Meaning::Key),
            (None, _) => Code("unknown error", Meaning::Other),
        };
        Self::Refused { status, code }
    }

    pub(crate) fn unusable(reason: &str) -> Self {
        Self::Unusable(reason.to_owned())
    }

    /// Returns whether the same request may succeed later.
    pub(super) fn is_retryable(&self) -> bool {
        match self {
            Self::Connection(_) => true,
            Self::Refused { status, code } => {
                *status == 429 || *status >= 500 || code.1 == Meaning::Busy
            }
            Self::Unusable(_) | Self::TimeLimit => false,
        }
    }

    /// Returns whether all other requests would fail as well.
    pub(crate) fn is_fatal(&self) -> bool {
        matches!(self, Self::TimeLimit) || self.means(Meaning::Key) || self.means(Meaning::Clock)
    }

    /// Returns whether the requested resource does not exist.
    pub(crate) fn is_not_found(&self) -> bool {
        self.means(Meaning::NotFound)
    }

    /// Returns whether the requested id is unknown.
    pub(crate) fn is_unknown_id(&self) -> bool {
        let is_missing = |status, code: &Code| status == 404 && code.0 != "NoSuchBucket";
        self.is_not_found()
            || matches!(self, Self::Refused { status, code } if is_missing(*status, code))
    }

    /// Returns whether the server rejected the request as invalid.
    pub(crate) fn is_invalid(&self) -> bool {
        self.means(Meaning::Invalid)
    }

    fn means(&self, meaning: Meaning) -> bool {
        matches!(self, Self::Refused { code, .. } if code.1 == meaning)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { status, code } => {
                write!(f, "{} (status {status})", code.0)?;
                match code.1 {
                    Meaning::Key => write!(f, ": check {SECRET_ID}, {SECRET_KEY} and {TOKEN}"),
                    Meaning::Clock => f.write_str(": this machine's clock is wrong"),
                    Meaning::Permission => {
                        f.write_str(": the API key does not have this permission")
                    }
                    _ => Ok(()),
                }
            }
            Self::Connection(reason) | Self::Unusable(reason) => f.write_str(reason),
            Self::TimeLimit => f.write_str("time limit exceeded"),
        }
    }
}

impl std::error::Error for ApiError {}
