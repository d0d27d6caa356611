//! What became of a request: to status, body, log level and metric, in one table.

use lambda_http::http::StatusCode;
use tracing::Level;

use crate::function_url::{Response, ResponseHeaders};

/// When the vendor may try again, in seconds: its own interval is half an hour, so any answer of
/// this size says "not at once".
const RETRY_AFTER: &str = "60";

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Every job is on the queue. The vendor is done.
    Published {
        /// The events' ids, a job each.
        ids: Vec<String>,
    },
    /// The console asked whether anyone is there. There is nothing to keep.
    Probe,
    /// The event is not a request of a function URL: someone invokes the function in another way.
    UnknownEvent,
    /// It carried no accepted token. Anyone can send that, so it is no error.
    Forbidden,
    /// It was no POST: a browser, or a scanner that knows the token.
    MethodNotAllowed,
    /// Its body is not base64, although its event says so.
    InvalidBase64,
    /// There was nothing in it.
    Empty,
    /// It was larger than a function URL takes.
    ContentTooLarge,
    /// It cannot be read and is in the vault. Sending it again would not help, so the vendor is
    /// done.
    Quarantined {
        /// Where in the vault.
        key: String,
        /// Why it cannot be read.
        reason: String,
    },
    /// The queue does not have all of it, so the vault has it, too. A vendor that sends it again
    /// heals it; one that does not is why it is kept.
    Spilled {
        /// Where in the vault.
        key: String,
        /// What the queue said.
        reason: String,
    },
    /// It belongs in the vault and is not there. Only the vendor has it, and should send it again.
    NotStored {
        /// Why it should have been kept, and why it is not.
        reason: String,
    },
    /// A record is larger than the queue takes, and there is no vault. Sending it again would not
    /// help, but it may stop at the vendor's end where someone looks.
    TooLarge {
        /// How large.
        reason: String,
    },
}

/// A row of the table.
struct Row {
    status: StatusCode,
    level: Level,
    metric: Option<&'static str>,
    /// What the log says.
    message: &'static str,
}

impl Answer {
    fn row(&self) -> Row {
        let (status, level, metric, message) = match self {
            Self::Published { .. } => (StatusCode::OK, Level::INFO, None, "published"),
            Self::Probe => (
                StatusCode::OK,
                Level::INFO,
                Some("Probes"),
                "answered a probe",
            ),
            Self::UnknownEvent => (
                StatusCode::BAD_REQUEST,
                Level::WARN,
                Some("BadRequests"),
                "refused: not an event of a function URL (payload 2.0)",
            ),
            Self::Forbidden => (
                StatusCode::FORBIDDEN,
                Level::WARN,
                Some("AuthFailures"),
                "refused: no valid token",
            ),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                Level::DEBUG,
                None,
                "refused: not POST",
            ),
            Self::InvalidBase64 => (
                StatusCode::BAD_REQUEST,
                Level::WARN,
                Some("BadRequests"),
                "refused: body is not base64",
            ),
            Self::Empty => (
                StatusCode::BAD_REQUEST,
                Level::WARN,
                Some("BadRequests"),
                "refused: no body",
            ),
            Self::ContentTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                Level::WARN,
                Some("BadRequests"),
                "refused: body too large",
            ),
            Self::Quarantined { .. } => (
                StatusCode::OK,
                Level::ERROR,
                Some("Quarantined"),
                "kept in the vault: unreadable",
            ),
            Self::Spilled { .. } => (
                StatusCode::SERVICE_UNAVAILABLE,
                Level::ERROR,
                Some("Spilled"),
                "kept in the vault: not taken by the queue",
            ),
            Self::NotStored { .. } => (
                StatusCode::SERVICE_UNAVAILABLE,
                Level::ERROR,
                Some("VaultFailures"),
                "left with the vendor: the vault does not have it",
            ),
            Self::TooLarge { .. } => (
                StatusCode::PAYLOAD_TOO_LARGE,
                Level::ERROR,
                Some("VaultFailures"),
                "left with the vendor: too large for the queue, and there is no vault",
            ),
        };
        Row {
            status,
            level,
            metric,
            message,
        }
    }

    /// How loud the log is about it.
    pub(crate) fn level(&self) -> Level {
        self.row().level
    }

    /// What the log says of it.
    pub(crate) fn message(&self) -> &'static str {
        self.row().message
    }

    /// What counts it. Published records are counted by family and answer instead.
    pub(crate) fn metric(&self) -> Option<&'static str> {
        self.row().metric
    }

    /// The reason for the log, never a word of the body.
    pub(crate) fn reason(&self) -> Option<String> {
        match self {
            Self::Quarantined { reason, .. }
            | Self::Spilled { reason, .. }
            | Self::NotStored { reason }
            | Self::TooLarge { reason } => Some(reason.clone()),
            _ => None,
        }
    }

    /// Where in the vault it is.
    pub(crate) fn key(&self) -> Option<&str> {
        match self {
            Self::Quarantined { key, .. } | Self::Spilled { key, .. } => Some(key),
            _ => None,
        }
    }

    /// What the vendor gets: 200 means that it may forget the callback; anything else that it
    /// should send it again.
    pub(crate) fn response(&self) -> Response {
        let status = self.row().status;
        let (content_type, body) = match self {
            Self::Published { ids } => {
                let body = serde_json::json!({ "accepted": ids.len(), "ids": ids });
                ("application/json", body.to_string())
            }
            Self::Probe => ("application/json", r#"{"probe":true}"#.to_owned()),
            Self::Quarantined { key, .. } => (
                "application/json",
                serde_json::json!({ "quarantined": key }).to_string(),
            ),
            // The status and nothing else: what went wrong is for the log.
            _ => {
                let title = status.canonical_reason().unwrap_or_default();
                let body = format!(r#"{{"title":"{title}","status":{}}}"#, status.as_u16());
                ("application/problem+json", body)
            }
        };
        Response {
            status_code: status.as_u16(),
            headers: ResponseHeaders {
                content_type,
                allow: (status == StatusCode::METHOD_NOT_ALLOWED).then_some("POST"),
                retry_after: (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER),
            },
            body,
            is_base64_encoded: false,
        }
    }
}
