//! No function at all: what of a call is the harness.
//!
//! This program, started again, speaks to the runtime API as plainly as it can: it reads an event and
//! answers. What that takes is two trips through the kernel's loopback between two processes, and what
//! the harness itself needs to write an event and read an answer. With a queue it also sends the event
//! there first and reads what it is answered: two trips more, and the queue's own time.

use std::{
    env,
    io::{Result, Write},
    net::TcpStream,
};

use crate::harness::http;

/// The argument that makes this program no function.
pub(crate) const ARGUMENT: &str = "--no-function";

/// The same, with a call to the queue at the address that follows.
pub(crate) const ARGUMENT_QUEUE: &str = "--no-function-queue";

/// What it answers.
const ANSWER: &str = r#"{"statusCode":200}"#;

/// Takes invocations until the harness ends it.
pub(crate) fn run(queue: Option<&str>) -> Result<()> {
    let api = env::var("AWS_LAMBDA_RUNTIME_API").expect("the harness sets it");
    let mut api = connect(&api)?;
    // Where it is needed, as the functions do.
    let mut queue_stream = None;
    loop {
        api.write_all(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n")?;
        let event = http::read(&mut api)?;
        if let Some(address) = queue {
            let stream = match &mut queue_stream {
                Some(stream) => stream,
                none => none.insert(connect(address)?),
            };
            post(stream, "/", &event.body)?;
            http::read(stream)?;
        }
        post(
            &mut api,
            "/2018-06-01/runtime/invocation/1/response",
            ANSWER.as_bytes(),
        )?;
        http::read(&mut api)?;
    }
}

fn connect(address: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// In one piece, for one packet.
fn post(stream: &mut TcpStream, path: &str, body: &[u8]) -> Result<()> {
    let head = format!(
        "POST {path} HTTP/1.1\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat())
}
