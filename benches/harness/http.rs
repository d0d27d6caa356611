//! As much HTTP/1.1 as a function, a queue and a vault need of each other.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Error, ErrorKind, Read, Result},
};

/// More than the largest head.
const BUFFER: usize = 1 << 16;

/// A request or an answer, as far as it matters here.
pub(crate) struct Message {
    /// The request's line, or the status line.
    pub(crate) line: String,
    /// By their names in lower case.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// Reads one message; the one after it has not been sent yet, so that no byte of it is lost.
///
/// # Errors
/// At the end of the stream, with `UnexpectedEof`, and where it is broken or takes too long.
pub(crate) fn read(stream: &mut impl Read) -> Result<Message> {
    let mut reader = BufReader::with_capacity(BUFFER, stream);
    let line = read_line(&mut reader)?;
    let mut headers = HashMap::new();
    loop {
        let header = read_line(&mut reader)?;
        let Some((name, value)) = header.split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = Vec::new();
    if let Some(length) = headers.get("content-length") {
        body.resize(length.parse().map_err(|_| broken(length))?, 0);
        reader.read_exact(&mut body)?;
    } else if headers.contains_key("transfer-encoding") {
        read_chunks(&mut reader, &mut body)?;
    }
    Ok(Message {
        line,
        headers,
        body,
    })
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> Result<()> {
    loop {
        let size = read_line(reader)?;
        let size = usize::from_str_radix(size.trim(), 16).map_err(|_| broken(&size))?;
        // With the line end behind it.
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk)?;
        if size == 0 {
            return Ok(());
        }
        body.extend_from_slice(&chunk[..size]);
    }
}

fn read_line(reader: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(line)
}

fn broken(number: &str) -> Error {
    Error::new(
        ErrorKind::InvalidData,
        format!("expected a length, but found {number}"),
    )
}
