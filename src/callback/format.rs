//! A body's bytes into text and its format. (Base64 is undone before: `lambda_http` does it while
//! it builds the request.)

use super::{ReadError, ReadErrorKind};

/// UTF-8's byte order mark. The vendor has never been seen to send one, but proxies do.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The format of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// The vendor's default.
    Xml,
    /// If the job, queue or workflow asks for it; always for moderation.
    Json,
}

/// Whether a body is nothing but white space.
pub fn is_empty(body: &[u8]) -> bool {
    first_significant(without_mark(body)).is_none()
}

/// Returns the text of a body and its format, detected by its first significant byte: the vendor's
/// `Content-Type` cannot be trusted.
///
/// # Errors
/// Returns [`ReadError`] if the body is not UTF-8, or begins like neither XML nor JSON.
pub(crate) fn text(body: &[u8]) -> Result<(Format, &str), ReadError> {
    let body = without_mark(body);
    let text = std::str::from_utf8(body).map_err(|error| {
        let (valid, _) = body.split_at(error.valid_up_to());
        let valid = String::from_utf8_lossy(valid);
        ReadError::at(
            ReadErrorKind::NotUtf8,
            &valid,
            valid.len(),
            "expected UTF-8",
        )
    })?;
    match first_significant(body) {
        Some(b'<') => Ok((Format::Xml, text)),
        Some(b'{') => Ok((Format::Json, text)),
        _ => Err(ReadError::at(
            ReadErrorKind::UnknownFormat,
            text,
            0,
            "expected XML or a JSON object",
        )),
    }
}

fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body)
}

fn first_significant(body: &[u8]) -> Option<u8> {
    body.iter()
        .copied()
        .find(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}
