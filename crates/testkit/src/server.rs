//! An HTTP server for one handler on a free port: what the runtime API and the fake_aws stand on.

use std::{convert::Infallible, future::Future, net::SocketAddr, time::Duration};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
    http::request::Parts,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// An answer whose body is known whole, so that it leaves in one packet with its head.
pub type Answer = Response<Full<Bytes>>;

/// Serves until the test's runtime ends, which drops the tasks.
pub async fn serve<H, F>(handle: H) -> SocketAddr
where
    H: Fn(Parts, Bytes) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    serve_for(Duration::MAX, handle).await
}

/// The same, but every connection is closed when it is so old, like idle ones by real servers.
pub async fn serve_for<H, F>(lifetime: Duration, handle: H) -> SocketAddr
where
    H: Fn(Parts, Bytes) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(timeout(lifetime, converse(stream, handle.clone())));
        }
    });
    address
}

async fn converse<H, F>(stream: TcpStream, handle: H)
where
    H: Fn(Parts, Bytes) -> F + Sync,
    F: Future<Output = Answer>,
{
    // Without it the kernel holds small packets back, and the timings would be of the server.
    stream
        .set_nodelay(true)
        .expect("a connected socket takes the option");
    let service = service_fn(|request: Request<Incoming>| async {
        let (head, body) = request.into_parts();
        Ok::<_, Infallible>(match body.collect().await {
            Ok(body) => handle(head, body.to_bytes()).await,
            // The client was killed while it sent: nobody reads the answer.
            Err(_) => Response::new(Full::default()),
        })
    });
    // An error here is a client that went away, which is how every test ends.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// An answer of JSON.
pub fn json(status: StatusCode, body: &serde_json::Value) -> Answer {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::from(body.to_string()))
        .expect("a status and one header make an answer")
}

/// A server that closes every connection as soon as it has read from it.
pub async fn resetting() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // Whatever came: closing with bytes unread makes the kernel send a reset.
            let _ = stream.read_u8().await;
        }
    });
    address
}
