//! Lambda's runtime API, for one function.
//!
//! It waits by asking its sockets over and over: being woken up would take longer than the calls that
//! are measured. Between two looks it yields, so that a function with more threads than cores left
//! has them.

use std::{
    io::{Error, ErrorKind, Result, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::http::{self, Message};

/// A function that has said nothing for so long hangs: Python starts in half a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// What Lambda gives an invocation.
const DEADLINE: Duration = Duration::from_secs(10);

pub(crate) struct RuntimeApi {
    listener: TcpListener,
    /// Those that the function has opened and not closed.
    connections: Vec<TcpStream>,
}

impl RuntimeApi {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket takes it");
        Self {
            listener,
            connections: Vec::new(),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("it is bound")
    }

    /// The function's next request, and the connection that it came by. `is_dead` says that none
    /// will come.
    pub(crate) fn request(
        &mut self,
        mut is_dead: impl FnMut() -> bool,
    ) -> Result<(usize, Message)> {
        let begin = Instant::now();
        for look in 1.. {
            if let Some(index) = self.ready()? {
                let stream = &mut self.connections[index];
                stream.set_nonblocking(false)?;
                let message = http::read(stream)?;
                stream.set_nonblocking(true)?;
                return Ok((index, message));
            }
            // Asking for a process takes longer than asking a socket.
            if look % 1000 == 0 && is_dead() {
                return Err(Error::other("its end"));
            }
            if begin.elapsed() > PATIENCE {
                return Err(ErrorKind::TimedOut.into());
            }
            thread::yield_now();
        }
        unreachable!("it looks until it returns")
    }

    /// A connection with something to read.
    fn ready(&mut self) -> Result<Option<usize>> {
        if let Ok((stream, _)) = self.listener.accept() {
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            stream.set_nonblocking(true)?;
            self.connections.push(stream);
        }
        let mut index = 0;
        while let Some(stream) = self.connections.get(index) {
            match stream.peek(&mut [0]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => index += 1,
                Ok(0) | Err(_) => drop(self.connections.remove(index)),
                Ok(_) => return Ok(Some(index)),
            }
        }
        Ok(None)
    }

    /// Answers the function's request for an invocation.
    pub(crate) fn hand_out(&mut self, connection: usize, event: &str) -> Result<()> {
        let deadline = SystemTime::now() + DEADLINE;
        let deadline = deadline.duration_since(UNIX_EPOCH).expect("after 1970");
        let arn = "arn:aws:lambda:eu-central-1:000000000000:function:bench";
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
             lambda-runtime-aws-request-id: 8f507cfc\r\nlambda-runtime-deadline-ms: {}\r\n\
             lambda-runtime-trace-id: Root=1-5759e988-bd862e3fe1be46a994272793\r\n\
             lambda-runtime-invoked-function-arn: {arn}\r\ncontent-length: {}\r\n\r\n{event}",
            deadline.as_millis(),
            event.len()
        );
        self.write(connection, &answer)
    }

    /// Takes the function's answer.
    pub(crate) fn accept(&mut self, connection: usize) -> Result<()> {
        let accepted = "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
        self.write(connection, accepted)
    }

    fn write(&mut self, connection: usize, answer: &str) -> Result<()> {
        let stream = &mut self.connections[connection];
        stream.set_nonblocking(false)?;
        stream.write_all(answer.as_bytes())?;
        stream.set_nonblocking(true)
    }
}
