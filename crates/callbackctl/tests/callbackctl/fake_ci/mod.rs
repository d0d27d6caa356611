//! The vendor's query API, as its pages describe it: signed requests, lists in pages, lookups.
//!
//! The signature is checked by a second implementation.

mod listing;
mod signature;

use std::{
    collections::{BTreeMap, HashMap},
    future,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http_body_util::Full;
use hyper::{StatusCode, body::Bytes, header, http::request::Parts};
use jiff::SignedDuration;
use percent_encoding::percent_decode_str;
use tokio::{io::AsyncWriteExt, net::TcpListener, sync::Notify};

use crate::jobs::Job;
use testkit::server::{self, HttpResponse};

pub(crate) const SECRET_ID: &str = "AKIDinvented0000000000000000000example";
pub(crate) const SECRET_KEY: &str = "invented0secret0key0for0tests000";
pub(crate) const TOKEN: &str = "sess/ion+tok=en";

/// Secrets that no output of a command may contain. The last one is in each error of this server,
/// because the vendor's errors quote the request.
pub(crate) const SECRETS: [&str; 5] = [
    SECRET_KEY,
    SECRET_ID,
    TOKEN,
    "q-signature",
    "quoted0by0the0vendor",
];

/// A fault: what the server sends instead of the right answer.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The vendor's error.
    Error(u16, &'static str),
    /// A status with a page of a proxy's.
    Html(u16),
    /// 200 with nothing.
    Empty,
    /// 200 with this.
    Body(&'static str),
    /// The right answer without its end.
    Truncated,
    /// The right answer, but for the token of the next page: it is that of this one.
    SameToken,
    /// The first page again, with a new token.
    SamePage,
    /// The right answer to a request without `states`: a parameter that was ignored.
    AllStates,
    /// The connection is closed instead of an answer.
    Close,
    /// No answer.
    Silence,
    /// An answer that comes a byte at a time and does not end.
    Drip,
    /// A redirect to there.
    Redirect(SocketAddr),
    /// The right answer, once `resume` was called.
    Pause,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) parameters: BTreeMap<String, String>,
}

/// The API of one bucket.
pub(crate) struct FakeCi {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    jobs: Mutex<Vec<Job>>,
    runs: Mutex<Vec<Job>>,
    queues: Mutex<BTreeMap<String, Vec<String>>>,
    seen: Mutex<Vec<Seen>>,
    /// By the number of the request, from 0.
    faults: Mutex<HashMap<usize, Fault>>,
    /// By the tag that is listed, by the queue, or by the path.
    always: Mutex<HashMap<String, Fault>>,
    skew: Mutex<SignedDuration>,
    resumed: Notify,
}

impl FakeCi {
    pub(crate) async fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let handler = Arc::clone(&shared);
        let address = server::serve(move |head, _| {
            let shared = Arc::clone(&handler);
            async move { shared.handle(&head).await }
        })
        .await;
        let address = with_raw_faults(address, Arc::clone(&shared)).await;
        Self { address, shared }
    }

    /// The value of `CI_ENDPOINT_URL`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn add(&self, jobs: impl IntoIterator<Item = Job>) {
        let mut all = lock(&self.shared.jobs);
        all.extend(jobs);
        all.sort_by_key(|job| job.created);
    }

    pub(crate) fn add_runs(&self, runs: impl IntoIterator<Item = Job>) {
        lock(&self.shared.runs).extend(runs);
    }

    /// Has this one task, or this one run, and no other.
    pub(crate) fn replace(&self, filter: &str, job: Job) {
        let runs = filter == "--workflow-id";
        let jobs = if runs {
            &self.shared.runs
        } else {
            &self.shared.jobs
        };
        *lock(jobs) = vec![job];
    }

    /// Adds a queue, as XML, to the queues of a path.
    pub(crate) fn add_queue(&self, path: &str, queue: &str) {
        let mut queues = lock(&self.shared.queues);
        queues
            .entry(path.to_owned())
            .or_default()
            .push(queue.to_owned());
    }

    /// Answers the request with this number, from 0, by a fault.
    pub(crate) fn fail_at(&self, number: usize, fault: Fault) {
        lock(&self.shared.faults).insert(number, fault);
    }

    /// Answers each request for this tag, queue or path by a fault.
    pub(crate) fn fail_always(&self, what: &str, fault: Fault) {
        lock(&self.shared.always).insert(what.to_owned(), fault);
    }

    /// Ends all faults.
    pub(crate) fn recover(&self) {
        lock(&self.shared.faults).clear();
        lock(&self.shared.always).clear();
    }

    /// Sets this server's clock that much ahead.
    pub(crate) fn skew(&self, skew: SignedDuration) {
        *lock(&self.shared.skew) = skew;
    }

    /// Lets a paused answer go.
    pub(crate) fn resume(&self) {
        self.shared.resumed.notify_one();
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    /// Waits until so many requests have come.
    pub(crate) async fn wait_for(&self, count: usize) {
        while lock(&self.shared.seen).len() < count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A proxy to `address` that can close connections and send slowly, which hyper cannot.
async fn with_raw_faults(address: SocketAddr, shared: Arc<Shared>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let own = listener
        .local_addr()
        .expect("a bound socket has an address");
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let shared = Arc::clone(&shared);
            tokio::spawn(async move {
                // A connection a request: the faults count requests.
                let fault = shared.raw_fault();
                match fault {
                    Some(Fault::Close) => {}
                    Some(Fault::Drip) => {
                        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n<Response>";
                        let mut sent = client.write_all(head).await;
                        while sent.is_ok() {
                            tokio::time::sleep(Duration::from_millis(300)).await;
                            sent = client.write_all(b" ").await;
                        }
                    }
                    _ => {
                        if let Ok(mut server) = tokio::net::TcpStream::connect(address).await {
                            // Ends when either side closes the connection.
                            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                        }
                    }
                }
            });
        }
    });
    own
}

impl Shared {
    /// The fault of the next request, if it is one of those that hyper does not have.
    fn raw_fault(&self) -> Option<Fault> {
        let number = lock(&self.seen).len();
        let mut faults = lock(&self.faults);
        if !matches!(faults.get(&number), Some(Fault::Close | Fault::Drip)) {
            return None;
        }
        lock(&self.seen).push(Seen {
            path: String::new(),
            parameters: BTreeMap::new(),
        });
        faults.remove(&number)
    }

    async fn handle(&self, head: &Parts) -> HttpResponse {
        let path = decoded(head.uri.path());
        let parameters: BTreeMap<_, _> = pairs(head.uri.query().unwrap_or_default())
            .into_iter()
            .collect();
        let number = {
            let mut seen = lock(&self.seen);
            seen.push(Seen {
                path: path.clone(),
                parameters: parameters.clone(),
            });
            seen.len() - 1
        };
        if let Err((status, code)) = self.check(head) {
            return error(status, code);
        }
        let names = ["tag", "queueId"].map(|name| parameters.get(name));
        let fault = lock(&self.faults).remove(&number).or_else(|| {
            let always = lock(&self.always);
            let mut names = names.into_iter().flatten().chain([&path]);
            names.find_map(|name| always.get(name).cloned())
        });
        let first_page = || {
            let mut parameters = parameters.clone();
            parameters.remove("nextToken");
            self.answer(&path, &parameters)
        };
        match fault {
            None => self.answer(&path, &parameters),
            Some(Fault::Error(status, code)) => error(status, code),
            Some(Fault::Html(status)) => {
                let body = format!("<!DOCTYPE html><html>{}</html>", SECRETS[4]);
                with_status(status, body)
            }
            Some(Fault::Empty) => with_status(200, String::new()),
            Some(Fault::Body(body)) => with_status(200, body.to_owned()),
            Some(Fault::Truncated) => {
                let whole = self.answer(&path, &parameters).into_body();
                let whole = text_of(whole).await;
                with_status(200, whole[..whole.len() * 2 / 3].to_owned())
            }
            Some(Fault::SameToken) => {
                let whole = self.answer(&path, &parameters).into_body();
                with_status(
                    200,
                    with_token(&text_of(whole).await, &parameters["nextToken"]),
                )
            }
            Some(Fault::SamePage) => {
                let whole = text_of(first_page().into_body()).await;
                with_status(200, with_token(&whole, "4711"))
            }
            Some(Fault::AllStates) => {
                let mut parameters = parameters.clone();
                parameters.remove("states");
                self.answer(&path, &parameters)
            }
            Some(Fault::Silence) => future::pending().await,
            Some(Fault::Redirect(address)) => {
                let mut answer = with_status(302, String::new());
                let place = format!("http://{address}{path}").parse().expect("a URL");
                answer.headers_mut().insert(header::LOCATION, place);
                answer
            }
            Some(Fault::Pause) => {
                self.resumed.notified().await;
                self.answer(&path, &parameters)
            }
            Some(Fault::Close | Fault::Drip) => unreachable!("it is before this"),
        }
    }
}

/// Parameters of a query, decoded: a bare `+` is a blank.
fn pairs(query: &str) -> Vec<(String, String)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (
                decoded(&name.replace('+', " ")),
                decoded(&value.replace('+', " ")),
            )
        })
        .collect()
}

fn decoded(text: &str) -> String {
    percent_decode_str(text)
        .decode_utf8()
        .expect("it is UTF-8")
        .into_owned()
}

fn with_status(status: u16, body: String) -> HttpResponse {
    let mut answer = HttpResponse::new(Full::from(body));
    *answer.status_mut() = StatusCode::from_u16(status).expect("a status of HTTP");
    let headers = answer.headers_mut();
    headers.insert("x-ci-request-id", header::HeaderValue::from_static("NjQ3"));
    // A connection a request.
    headers.insert(
        header::CONNECTION,
        header::HeaderValue::from_static("close"),
    );
    answer
}

fn error(status: u16, code: &str) -> HttpResponse {
    let quoted = format!("q-signature=1 {}", SECRETS[4]);
    with_status(
        status,
        format!("<Error><Code>{code}</Code><Message>{quoted}</Message></Error>"),
    )
}

/// An answer with another token of the next page.
fn with_token(answer: &str, token: &str) -> String {
    let (before, after) = answer.split_once("<NextToken>").expect("not the last page");
    let (_, after) = after.split_once('<').expect("it is closed");
    format!("{before}<NextToken>{token}<{after}")
}

async fn text_of(body: Full<Bytes>) -> String {
    let collected = http_body_util::BodyExt::collect(body).await;
    let bytes = collected.expect("it is in memory").to_bytes();
    String::from_utf8(bytes.to_vec()).expect("it is text")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
