//! A proxy in front of MiniStack that fails some calls and forwards all others.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, StatusCode, body::Bytes, client::conn::http1, http::request::Parts,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{ministack, server};

/// The S3 calls that fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    List,
    Get,
    Copy,
    /// Copies get an empty response with the status 200, and no object is copied.
    CopyAnswer,
    Delete,
    Nothing,
}

/// Starts a proxy, and returns its address.
pub async fn start(broken: Broken) -> SocketAddr {
    server::serve(move |head, body| async move {
        if fails(broken, &head) {
            if broken == Broken::CopyAnswer {
                return Response::new(Full::default());
            }
            let xml = "<Error><Code>AccessDenied</Code><Message>scripted</Message></Error>";
            let answer = Response::builder().status(StatusCode::FORBIDDEN);
            return answer.body(Full::from(xml)).expect("the response is valid");
        }
        forward(head, body).await.expect("MiniStack responds")
    })
    .await
}

fn fails(broken: Broken, head: &Parts) -> bool {
    let is_list = head
        .uri
        .query()
        .is_some_and(|query| query.contains("list-type"));
    match broken {
        Broken::List => head.method == Method::GET && is_list,
        Broken::Get => head.method == Method::GET && !is_list,
        Broken::Copy | Broken::CopyAnswer => head.headers.contains_key("x-amz-copy-source"),
        Broken::Delete => head.method == Method::DELETE,
        Broken::Nothing => false,
    }
}

async fn forward(head: Parts, body: Bytes) -> Result<server::HttpResponse, hyper::Error> {
    let address = ministack::endpoint().replace("http://", "");
    let stream = TcpStream::connect(&address)
        .await
        .expect("MiniStack listens");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let answer = sender
        .send_request(Request::from_parts(head, Full::new(body)))
        .await?;
    let (head, body) = answer.into_parts();
    Ok(Response::from_parts(
        head,
        Full::new(body.collect().await?.to_bytes()),
    ))
}
