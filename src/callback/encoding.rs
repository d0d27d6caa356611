//! Decodes the bytes of a body.

use super::{characters::is_white_space, error::ReadError};

/// The byte order mark of UTF-8. Tencent does not send one, but a proxy may.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The first bytes of gzip.
const GZIP: &[u8] = b"\x1F\x8B";

/// The longest XML declaration, in bytes.
const MAX_DECLARATION_LENGTH: usize = 200;

/// Returns whether a body is nothing but whitespace.
pub fn is_empty(body: &[u8]) -> bool {
    without_bom(body).iter().all(|byte| is_white_space(*byte))
}

/// Decodes a body.
///
/// # Errors
/// Returns [`ReadError`] if the body is not UTF-8.
pub(crate) fn text(body: &[u8]) -> Result<&str, ReadError> {
    let body = without_bom(body);
    std::str::from_utf8(body).map_err(|error| {
        let valid = String::from_utf8_lossy(&body[..error.valid_up_to()]);
        ReadError::malformed(&valid, valid.len(), "invalid UTF-8")
    })
}

/// Returns a hint to append to the reason of a body that cannot be read, if it seems to be compressed or in
/// another encoding than UTF-8. The hint quotes neither the body nor the header.
pub(crate) fn encoding_hint(body: &[u8], content_encoding: Option<&str>) -> &'static str {
    let is_gzip = |encoding: &str| encoding.to_ascii_lowercase().contains("gzip");
    if body.starts_with(GZIP) {
        "; the body is compressed with gzip"
    } else if content_encoding.is_some_and(is_gzip) {
        "; its Content-Encoding is gzip"
    } else if std::str::from_utf8(body).is_err() && declares_other_encoding(without_bom(body)) {
        "; its XML declaration names an encoding other than UTF-8"
    } else {
        ""
    }
}

/// Returns whether the XML declaration of a body names an encoding other than UTF-8.
fn declares_other_encoding(body: &[u8]) -> bool {
    let begin = String::from_utf8_lossy(&body[..body.len().min(MAX_DECLARATION_LENGTH)]);
    let declaration = begin.trim_start().strip_prefix("<?xml");
    let encoding = declaration.and_then(|rest| {
        let (_, encoding) = rest.split_once("?>")?.0.split_once("encoding")?;
        encoding.split(['"', '\'']).nth(1)
    });
    encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case("UTF-8"))
}

fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body)
}
