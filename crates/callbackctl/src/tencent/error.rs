//! Why a request has no answer that can be used.

use std::{fmt, time::Duration};

use super::key::{SECRET_ID, SECRET_KEY, TOKEN};

/// Codes that say that no request with this key can succeed.
const KEY_CODES: &[&str] = &[
    "SignatureDoesNotMatch",
    "InvalidAccessKeyId",
    "SecretidNotExist",
    "MissingAuthorization",
    "InvalidAuthorization",
    "ExpiredToken",
    "InvalidToken",
];

/// Codes that say that this machine's clock is wrong.
const CLOCK_CODES: &[&str] = &["RequestTimeTooSkewed", "SignatureExpired"];

/// Codes that say that there is nothing of this kind: no such job, queue or service of the bucket.
const NOTHING_CODES: &[&str] = &["ResourceNotFound", "QueueNotFound", "MediaBucketUnBinded"];

/// Why a request has no answer that can be used.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The key or this machine's clock is wrong: no other request would succeed.
    Key(Refusal),
    /// The vendor refused this request.
    Refused(Refusal),
    /// There was no answer within this time, or not all of it.
    TimedOut(Duration),
    /// The connection failed.
    Connection(String),
    /// What came is not an answer of this API.
    Unusable {
        reason: String,
        request_id: Option<String>,
    },
}

/// The vendor's answer to a request that it refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: u16,
    /// Absent if there is none that may be printed.
    code: Option<String>,
    request_id: Option<String>,
}

impl ApiError {
    /// Creates the error of an answer whose status is not 200.
    pub(super) fn refused(status: u16, code: Option<String>, request_id: Option<String>) -> Self {
        let is_key = match code.as_deref() {
            Some(code) => {
                let is_known = KEY_CODES.contains(&code) || CLOCK_CODES.contains(&code);
                is_known || (status == 401 && code != "AccessDenied")
            }
            None => status == 401,
        };
        let refusal = Refusal {
            status,
            code,
            request_id,
        };
        if is_key {
            Self::Key(refusal)
        } else {
            Self::Refused(refusal)
        }
    }

    /// Returns whether the same request may succeed later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::TimedOut(_) | Self::Connection(_) => true,
            Self::Refused(refusal) => {
                refusal.status == 429 || refusal.status >= 500 || refusal.is("SlowDown")
            }
            Self::Key(_) | Self::Unusable { .. } => false,
        }
    }

    /// Returns whether the vendor says that there is nothing of the kind that was asked for.
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Self::Refused(refusal) if NOTHING_CODES.iter().any(|code| refusal.is(code)))
    }

    /// Returns whether the vendor says that it does not know the id that was asked for.
    pub(crate) fn is_unknown_id(&self) -> bool {
        let is_missing = |refusal: &Refusal| refusal.status == 404 && !refusal.is("NoSuchBucket");
        self.is_nothing() || matches!(self, Self::Refused(refusal) if is_missing(refusal))
    }

    /// Returns whether the vendor says that it does not know what was asked for.
    pub(crate) fn is_invalid_argument(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.is("InvalidArgument"))
    }
}

impl Refusal {
    fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(refusal) if CLOCK_CODES.iter().any(|code| refusal.is(code)) => {
                write!(f, "{refusal}: this machine's clock is wrong")
            }
            Self::Key(refusal) => {
                write!(
                    f,
                    "{refusal}: {SECRET_ID}, {SECRET_KEY} or {TOKEN} is wrong"
                )
            }
            Self::Refused(refusal) if refusal.is("AccessDenied") => {
                write!(f, "{refusal}: the key does not have this permission")
            }
            Self::Refused(refusal) => refusal.fmt(f),
            Self::TimedOut(limit) => write!(f, "request timed out after {} s", limit.as_secs()),
            Self::Connection(reason) => f.write_str(reason),
            Self::Unusable { reason, request_id } => match request_id {
                Some(id) => write!(f, "{reason} (request id {id})"),
                None => f.write_str(reason),
            },
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.as_deref().unwrap_or("an error without a code");
        let status = self.status;
        match &self.request_id {
            Some(id) => write!(f, "{code} (status {status}, request id {id})"),
            None => write!(f, "{code} (status {status})"),
        }
    }
}
