//! Detects the format of a body, and decodes its bytes.

use super::{
    characters::is_white_space,
    error::{ReadError, ReadErrorKind},
};

/// The byte order mark of UTF-8. The vendor does not send one, but a proxy may.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The first bytes of gzip.
const GZIP: &[u8] = b"\x1F\x8B";

/// The longest XML declaration, in bytes.
const MAX_DECLARATION_LENGTH: usize = 200;

/// The names of GBK's family of encodings.
const GBK: [&str; 3] = ["GBK", "GB2312", "GB18030"];

/// The format of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// The vendor's default.
    Xml,
    /// The format of moderation, and of jobs, queues and workflows that ask for it.
    Json,
}

/// Whether a body is nothing but white space.
pub fn is_empty(body: &[u8]) -> bool {
    first_non_white_space(without_bom(body)).is_none()
}

/// Returns the text of a body and its format, detected by its first significant byte: the vendor's
/// `Content-Type` cannot be trusted.
///
/// # Errors
/// Returns [`ReadError`] if the body is not UTF-8, or begins like neither XML nor JSON.
pub(crate) fn text(body: &[u8]) -> Result<(Format, &str), ReadError> {
    let body = without_bom(body);
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
    match first_non_white_space(body) {
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

/// Returns a hint for the reason of a body that cannot be read, if it seems to be compressed or in another
/// encoding than UTF-8. The hint quotes neither the body nor the header.
pub(crate) fn encoding_hint(body: &[u8], content_encoding: Option<&str>) -> &'static str {
    let is_declared_gzip =
        content_encoding.is_some_and(|encoding| encoding.to_ascii_lowercase().contains("gzip"));
    if body.starts_with(GZIP) {
        return "; the body is compressed with gzip";
    }
    if is_declared_gzip {
        return "; its Content-Encoding is gzip";
    }
    if std::str::from_utf8(body).is_ok() {
        return "";
    }
    match declared_encoding(without_bom(body)) {
        Some(encoding) if GBK.iter().any(|name| encoding.eq_ignore_ascii_case(name)) => {
            "; its XML declaration says GBK"
        }
        Some(encoding) if !encoding.eq_ignore_ascii_case("UTF-8") => {
            "; its XML declaration names an encoding other than UTF-8"
        }
        _ => "",
    }
}

/// Returns the encoding that an XML declaration names.
fn declared_encoding(body: &[u8]) -> Option<&str> {
    let begin = &body[..body.len().min(MAX_DECLARATION_LENGTH)];
    let end = begin.windows(2).position(|two| two == b"?>")?;
    let declaration = std::str::from_utf8(&begin[..end]).ok()?;
    let declaration = declaration.trim_start().strip_prefix("<?xml")?;
    let (_, value) = declaration.split_once("encoding")?;
    value.split(['"', '\'']).nth(1)
}

fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body)
}

fn first_non_white_space(body: &[u8]) -> Option<u8> {
    body.iter().copied().find(|byte| !is_white_space(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_names_what_the_body_seems_to_be() {
        let gbk = |encoding: &str| {
            let declaration = format!("<?xml version='1.0' encoding=\"{encoding}\" ?>");
            [declaration.as_bytes(), b"<Response>\xB3\xB1</Response>"].concat()
        };
        let another = "; its XML declaration names an encoding other than UTF-8";
        let cases: [(Vec<u8>, Option<&str>, &str); 10] = [
            (
                b"\x1F\x8B\x08".to_vec(),
                None,
                "; the body is compressed with gzip",
            ),
            (
                b"\xFF".to_vec(),
                Some("GZIP"),
                "; its Content-Encoding is gzip",
            ),
            (b"\xFF".to_vec(), Some("identity"), ""),
            (gbk("GBK"), None, "; its XML declaration says GBK"),
            (gbk("gb2312"), None, "; its XML declaration says GBK"),
            (gbk("s3cret"), None, another),
            (gbk("utf-8"), None, ""),
            (b"<Response>\xB3</Response>".to_vec(), None, ""),
            // The declaration is ignored if the bytes are UTF-8.
            (b"<?xml encoding=\"GBK\"?><Response>".to_vec(), None, ""),
            (Vec::new(), None, ""),
        ];
        for (body, content_encoding, hint) in cases {
            assert_eq!(encoding_hint(&body, content_encoding), hint, "{body:?}");
        }
    }
}
