//! Maps outcomes to responses: status, body, log level and metric, in one table.

use lambda_http::http::StatusCode;
use serde::Serialize;
use tracing::Level;

use crate::function_url::{Response, ResponseHeaders};

/// `Retry-After`, in seconds. Tencent's own interval is half an hour, so this only prevents an immediate
/// retry.
const RETRY_AFTER: &str = "60";

/// The answer to a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Every job is on the queue. Tencent does not send the callback again.
    Published {
        /// The ids of the events, one for each job.
        ids: Vec<String>,
    },
    /// Tencent's console sent a probe. There is nothing to store.
    Probe,
    /// The event is not a request of a function URL or an HTTP API: the function was invoked directly.
    UnknownEvent,
    /// The request has no accepted token. Anyone can send that, so it is not an error.
    Forbidden,
    /// The method is not POST: a browser, or a scanner that knows the token.
    MethodNotAllowed,
    /// The body is not valid base64, although the event is marked as base64.
    InvalidBase64,
    /// The body is empty.
    Empty,
    /// The body is larger than a function URL accepts.
    ContentTooLarge,
    /// The body is in the vault, because it is unreadable or the receiver panicked. A retry would fail as well, so
    /// Tencent does not need to send it again.
    Quarantined {
        /// The key in the vault.
        key: String,
        /// The error of the parser, or that the receiver panicked.
        reason: String,
    },
    /// Not all jobs are on the queue, so the body is in the vault. If Tencent does not retry, an operator
    /// replays the body.
    Spilled {
        /// The key in the vault.
        key: String,
        /// The error of the queue, or of the vault for an oversize message.
        reason: String,
    },
    /// The body could not be stored in the vault. Only Tencent has it, and should send it again.
    NotStored {
        /// Why the body had to be stored, and why it was not.
        reason: String,
    },
    /// A record is too large for the queue, and no vault is configured. A retry would fail as well, but
    /// Tencent records the failure.
    OversizeWithoutVault {
        /// The size of the message, as a sentence.
        reason: String,
    },
}

/// A row of the table of answers.
struct Row {
    status: StatusCode,
    level: Level,
    metric: Option<&'static str>,
}

/// The body of a response.
#[derive(Serialize)]
#[serde(untagged)]
enum ResponseBody<'a> {
    Published { accepted: usize, ids: &'a [String] },
    Probe { probe: bool },
    Quarantined { quarantined: &'a str },
    Problem { title: &'a str, status: u16 },
}

impl Answer {
    fn row(&self) -> Row {
        let (status, level, metric) = match self {
            Self::Published { .. } => (StatusCode::OK, Level::INFO, None),
            Self::Probe => (StatusCode::OK, Level::INFO, Some("Probes")),
            Self::UnknownEvent | Self::InvalidBase64 | Self::Empty => {
                (StatusCode::BAD_REQUEST, Level::WARN, Some("BadRequests"))
            }
            Self::ContentTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                Level::WARN,
                Some("BadRequests"),
            ),
            Self::Forbidden => (StatusCode::FORBIDDEN, Level::WARN, Some("AuthFailures")),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, Level::DEBUG, None),
            Self::Quarantined { .. } => (StatusCode::OK, Level::ERROR, Some("Quarantined")),
            Self::Spilled { .. } => (
                StatusCode::SERVICE_UNAVAILABLE,
                Level::ERROR,
                Some("Spilled"),
            ),
            Self::NotStored { .. } => (
                StatusCode::SERVICE_UNAVAILABLE,
                Level::ERROR,
                Some("VaultFailures"),
            ),
            Self::OversizeWithoutVault { .. } => (
                StatusCode::PAYLOAD_TOO_LARGE,
                Level::ERROR,
                Some("VaultFailures"),
            ),
        };
        Row {
            status,
            level,
            metric,
        }
    }

    /// Returns the log message.
    pub(crate) fn message(&self) -> &'static str {
        match self {
            Self::Published { .. } => "published",
            Self::Probe => "answered a probe",
            Self::UnknownEvent => "refused: not an event of a function URL (payload 2.0)",
            Self::Forbidden => "refused: no accepted token",
            Self::MethodNotAllowed => "refused: not POST",
            Self::InvalidBase64 => "refused: body is not valid base64",
            Self::Empty => "refused: empty body",
            Self::ContentTooLarge => "refused: body too large",
            Self::Quarantined { .. } => "quarantined: body cannot be read",
            Self::Spilled { .. } => "spilled to the vault: not every record was published",
            Self::NotStored { .. } => "not stored: the vault failed or is not configured",
            Self::OversizeWithoutVault { .. } => {
                "not stored: too large for the queue, and no vault is configured"
            }
        }
    }

    /// Returns the HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        self.row().status
    }

    /// Returns the log level.
    pub(crate) fn level(&self) -> Level {
        self.row().level
    }

    /// Returns the metric of the outcome. Published records are counted by family and outcome instead.
    pub(crate) fn metric(&self) -> Option<&'static str> {
        self.row().metric
    }

    /// Returns the reason for the log, without quoting the body.
    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Self::Quarantined { reason, .. }
            | Self::Spilled { reason, .. }
            | Self::NotStored { reason }
            | Self::OversizeWithoutVault { reason } => Some(reason),
            _ => None,
        }
    }

    /// Returns the key in the vault.
    pub(crate) fn key(&self) -> Option<&str> {
        match self {
            Self::Quarantined { key, .. } | Self::Spilled { key, .. } => Some(key),
            _ => None,
        }
    }

    /// Returns the response. After 200, Tencent does not send the callback again. After any other status, it
    /// retries moderation every 30 minutes for a day. It does not document retries for tasks and workflows.
    pub(crate) fn response(&self) -> Response {
        let status = self.status();
        let body = match self {
            Self::Published { ids } => ResponseBody::Published {
                accepted: ids.len(),
                ids,
            },
            Self::Probe => ResponseBody::Probe { probe: true },
            Self::Quarantined { key, .. } => ResponseBody::Quarantined { quarantined: key },
            // The response contains only the status. The reason is in the log.
            _ => ResponseBody::Problem {
                title: status.canonical_reason().unwrap_or_default(),
                status: status.as_u16(),
            },
        };
        let content_type = match body {
            ResponseBody::Problem { .. } => "application/problem+json",
            _ => "application/json",
        };
        Response {
            status_code: status.as_u16(),
            headers: ResponseHeaders {
                content_type,
                allow: (status == StatusCode::METHOD_NOT_ALLOWED).then_some("POST"),
                retry_after: (status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER),
            },
            body: serde_json::to_string(&body).unwrap_or_default(),
            is_base64_encoded: false,
        }
    }
}
