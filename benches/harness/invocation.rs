//! What Lambda's runtime API says to a function.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What Lambda gives an invocation.
const DEADLINE: Duration = Duration::from_secs(10);

/// To a function's answer.
pub(crate) const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";

/// To its request for an invocation: the event, with this id, due from now on.
pub(crate) fn hand_out(id: &str, event: &str) -> String {
    let deadline = SystemTime::now() + DEADLINE;
    let deadline = deadline.duration_since(UNIX_EPOCH).expect("after 1970");
    let arn = "arn:aws:lambda:eu-central-1:000000000000:function:bench";
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
         lambda-runtime-aws-request-id: {id}\r\nlambda-runtime-deadline-ms: {}\r\n\
         lambda-runtime-trace-id: Root=1-5759e988-bd862e3fe1be46a994272793\r\n\
         lambda-runtime-invoked-function-arn: {arn}\r\ncontent-length: {}\r\n\r\n{event}",
        deadline.as_millis(),
        event.len()
    )
}
