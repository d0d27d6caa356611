//! Lambda's runtime API, for one function.
//!
//! It waits by asking its sockets over and over: being woken up would take longer than the calls that
//! are measured. Between two looks it yields, so that a function with more threads than cores left
//! has them.

use std::{
    io::{Error, ErrorKind, Result, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::harness::{
    http::{self, Message},
    invocation,
};

/// A function that has said nothing for so long hangs: Python starts in half a second.
const PATIENCE: Duration = Duration::from_secs(30);

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
        self.write(connection, &invocation::hand_out("8f507cfc", event))
    }

    /// Takes the function's answer.
    pub(crate) fn accept(&mut self, connection: usize) -> Result<()> {
        self.write(connection, invocation::ACCEPTED)
    }

    fn write(&mut self, connection: usize, answer: &str) -> Result<()> {
        let stream = &mut self.connections[connection];
        stream.set_nonblocking(false)?;
        stream.write_all(answer.as_bytes())?;
        stream.set_nonblocking(true)
    }
}
