//! A server's connections.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

/// More than the connections that all functions have open at one time.
const THREADS: usize = 32;

/// Serves connections in threads that wait for them, and gives the address. A thread started for each
/// would be in the time of every first call.
pub(crate) fn listen(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    for _ in 0..THREADS {
        let listener = listener.try_clone().expect("a socket has two handles");
        let serve = serve.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                stream.set_nodelay(true).expect("a socket takes it");
                serve(stream);
            }
        });
    }
    address
}
