//! A body's bytes into text and its format. (Base64 is undone before: `lambda_http` does it while
//! it builds the request.)

use super::{ReadError, ReadErrorKind};

/// UTF-8's byte order mark. The vendor was never seen to send one; proxies do.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What a body is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// The vendor's default.
    Xml,
    /// Where the job, queue or workflow asks for it; moderation always.
    Json,
}

/// Whether there is nothing in a body but white space.
pub fn is_empty(body: &[u8]) -> bool {
    first_significant(without_mark(body)).is_none()
}

/// The text of a body, and its format by its first significant byte: the vendor's `Content-Type`
/// cannot be trusted.
///
/// # Errors
/// Where the body is not UTF-8, or begins like neither XML nor JSON.
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
