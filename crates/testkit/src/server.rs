//! An HTTP server with one handler on a free port. The other servers are built on it.

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

/// A response whose body is sent in one packet with its headers.
pub type HttpResponse = Response<Full<Bytes>>;

/// Serves requests until the runtime of the test ends, which drops the tasks.
pub async fn serve<H, F>(handle: H) -> SocketAddr
where
    H: Fn(Parts, Bytes) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = HttpResponse> + Send + 'static,
{
    serve_for(Duration::MAX, handle).await
}

/// Like [`serve`], but closes each connection after `lifetime`, as real servers do with idle connections.
pub async fn serve_for<H, F>(lifetime: Duration, handle: H) -> SocketAddr
where
    H: Fn(Parts, Bytes) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = HttpResponse> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(timeout(lifetime, serve_connection(stream, handle.clone())));
        }
    });
    address
}

async fn serve_connection<H, F>(stream: TcpStream, handle: H)
where
    H: Fn(Parts, Bytes) -> F + Sync,
    F: Future<Output = HttpResponse>,
{
    // Otherwise the kernel delays small packets, which would distort measurements.
    stream
        .set_nodelay(true)
        .expect("a connected socket accepts the option");
    let service = service_fn(|request: Request<Incoming>| async {
        let (head, body) = request.into_parts();
        Ok::<_, Infallible>(match body.collect().await {
            Ok(body) => handle(head, body.to_bytes()).await,
            // The client was killed while sending. It does not read the response.
            Err(_) => Response::new(Full::default()),
        })
    });
    // An error means that the client closed the connection, which happens at the end of each test.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// Returns a JSON response.
pub fn json(status: StatusCode, body: &serde_json::Value) -> HttpResponse {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::from(body.to_string()))
        .expect("the response is valid")
}

/// Starts a server that resets each connection after the first byte.
pub async fn resetting() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // Closing a socket with unread bytes makes the kernel send a reset.
            let _ = stream.read_u8().await;
        }
    });
    address
}
