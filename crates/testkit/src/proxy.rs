//! A server between a client and MiniStack that fails some calls and passes on all others.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response, StatusCode, body::Bytes, client::conn::http1, http::request::Parts,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{ministack, server};

/// Which calls fail, by method and by whether they copy an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    List,
    Get,
    Copy,
    /// A copy, which is answered with an empty 200 and not made.
    CopyAnswer,
    Delete,
    Nothing,
}

/// Starts one, and gives its address.
pub async fn start(broken: Broken) -> SocketAddr {
    server::serve(move |head, body| async move {
        if is_broken(broken, &head) {
            if broken == Broken::CopyAnswer {
                return Response::new(Full::default());
            }
            let xml = "<Error><Code>AccessDenied</Code><Message>scripted</Message></Error>";
            let answer = Response::builder().status(StatusCode::FORBIDDEN);
            return answer
                .body(Full::from(xml))
                .expect("a status makes an answer");
        }
        pass_on(head, body).await.expect("MiniStack answers")
    })
    .await
}

fn is_broken(broken: Broken, head: &Parts) -> bool {
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

async fn pass_on(head: Parts, body: Bytes) -> Result<server::Answer, hyper::Error> {
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
