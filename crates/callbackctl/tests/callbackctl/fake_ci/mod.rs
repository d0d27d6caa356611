//! A fake of Tencent's API, according to its documentation: signed requests, pages of lists, and lookups.
//!
//! Signatures are checked with the code of `callbackctl`, whose unit tests compare it with Tencent's SDKs.

mod listing;
mod signature;

use std::{
    collections::{BTreeMap, HashMap},
    future, io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use percent_encoding::percent_decode_str;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::Notify,
};

use crate::jobs::Job;

pub(crate) const SECRET_ID: &str = "AKIDinvented0000000000000000000example";
pub(crate) const SECRET_KEY: &str = "invented0secret0key0for0tests000";
pub(crate) const TOKEN: &str = "sess/ion+tok=en";

/// Secrets that no output of a command may contain. The last one is in each error of this server,
/// because Tencent's errors quote the request.
pub(crate) const SECRETS: [&str; 5] = [
    SECRET_KEY,
    SECRET_ID,
    TOKEN,
    "q-signature",
    "quoted0by0the0vendor",
];

/// A fault, which replaces the correct response.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// An error in Tencent's format.
    Error(u16, &'static str),
    /// This status with an HTML page, like a proxy. A redirect goes to `/elsewhere`.
    Html(u16),
    /// 200 with an empty body.
    Empty,
    /// 200 with this body.
    Body(&'static str),
    /// The truncated response.
    Truncated,
    /// The correct response, but with the token of this page instead of the next one.
    SameToken,
    /// The first page again, with a new token.
    SamePage,
    /// The response to a request without `states`, as if the parameter was ignored.
    AllStates,
    /// The connection is closed without a response.
    Close,
    /// No response.
    Silence,
    /// A response that arrives one byte at a time and does not end.
    Drip,
    /// The correct response, after `resume` was called.
    Pause,
}

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) parameters: BTreeMap<String, String>,
    /// The values by the name in lower case.
    headers: BTreeMap<String, String>,
}

/// The status and body of a response.
type Response = (u16, String);

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
    /// Faults by the number of the request, from 0.
    faults: Mutex<HashMap<usize, Fault>>,
    /// Faults by listed tag, queue or path.
    always: Mutex<HashMap<String, Fault>>,
    resumed: Notify,
}

impl FakeCi {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared::default());
        let server = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = Arc::clone(&server);
                tokio::spawn(async move { shared.serve(client).await });
            }
        });
        Self { address, shared }
    }

    /// Returns the value of `CI_ENDPOINT_URL`.
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

    /// Adds a queue, as XML, to the queues of a path.
    pub(crate) fn add_queue(&self, path: &str, queue: &str) {
        let mut queues = lock(&self.shared.queues);
        queues
            .entry(path.to_owned())
            .or_default()
            .push(queue.to_owned());
    }

    /// Injects a fault into the request with this number, from 0.
    pub(crate) fn fail_at(&self, number: usize, fault: Fault) {
        lock(&self.shared.faults).insert(number, fault);
    }

    /// Injects a fault into all requests for this tag, queue or path.
    pub(crate) fn fail_always(&self, what: &str, fault: Fault) {
        lock(&self.shared.always).insert(what.to_owned(), fault);
    }

    /// Removes all faults.
    pub(crate) fn recover(&self) {
        lock(&self.shared.faults).clear();
        lock(&self.shared.always).clear();
    }

    /// Sends a paused response.
    pub(crate) fn resume(&self) {
        self.shared.resumed.notify_one();
    }

    /// Returns all received requests.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    /// Waits until this many requests were received.
    pub(crate) async fn wait_for(&self, count: usize) {
        while lock(&self.shared.seen).len() < count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Shared {
    /// Responds to the only request of a connection. hyper's servers cannot close a connection without a
    /// response, or send slowly.
    async fn serve(&self, mut client: TcpStream) -> io::Result<()> {
        let request = read_request(&mut client).await?;
        let fault = self.fault_of(&request);
        let answer = || self.answer(&request.path, &request.parameters);
        let answer_without = |name: &str| {
            let mut parameters = request.parameters.clone();
            parameters.remove(name);
            self.answer(&request.path, &parameters)
        };
        let (status, body) = match fault {
            _ if !Self::is_signed(&request) => error(403, "SignatureDoesNotMatch"),
            None => answer(),
            Some(Fault::Error(status, code)) => error(status, code),
            Some(Fault::Html(status)) => (
                status,
                format!("<!DOCTYPE html><html>{}</html>", SECRETS[4]),
            ),
            Some(Fault::Empty) => (200, String::new()),
            Some(Fault::Body(body)) => (200, body.to_owned()),
            Some(Fault::Truncated) => {
                let (_, whole) = answer();
                (200, whole[..whole.len() * 2 / 3].to_owned())
            }
            Some(Fault::SameToken) => {
                let (_, whole) = answer();
                (200, with_token(&whole, &request.parameters["nextToken"]))
            }
            Some(Fault::SamePage) => (200, with_token(&answer_without("nextToken").1, "4711")),
            Some(Fault::AllStates) => answer_without("states"),
            Some(Fault::Pause) => {
                self.resumed.notified().await;
                answer()
            }
            Some(Fault::Silence) => future::pending().await,
            Some(Fault::Close) => return Ok(()),
            Some(Fault::Drip) => {
                client
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n<Response>")
                    .await?;
                loop {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    client.write_all(b" ").await?;
                }
            }
        };
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} Status\r\nlocation: /elsewhere\r\nconnection: close\r\n\
             content-length: {length}\r\n\r\n"
        );
        client.write_all((head + &body).as_bytes()).await
    }

    /// Records a request, and returns its fault.
    fn fault_of(&self, request: &Seen) -> Option<Fault> {
        let mut seen = lock(&self.seen);
        seen.push(request.clone());
        let number = seen.len() - 1;
        lock(&self.faults).remove(&number).or_else(|| {
            let always = lock(&self.always);
            let names = ["tag", "queueId"].map(|name| request.parameters.get(name));
            let mut names = names.into_iter().flatten().chain([&request.path]);
            names.find_map(|name| always.get(name).cloned())
        })
    }
}

async fn read_request(client: &mut TcpStream) -> io::Result<Seen> {
    let mut lines = BufReader::new(client).lines();
    let first = lines.next_line().await?.unwrap_or_default();
    let mut headers = BTreeMap::new();
    while let Some(line) = lines.next_line().await?.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").expect("a header");
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let target = first.split(' ').nth(1).expect("a request line");
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ok(Seen {
        path: decoded(path),
        parameters: pairs(query),
        headers,
    })
}

/// Returns the decoded parameters of a query. `+` is a space.
fn pairs(query: &str) -> BTreeMap<String, String> {
    let query = query.replace('+', " ");
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

fn decoded(text: &str) -> String {
    percent_decode_str(text)
        .decode_utf8()
        .expect("it is UTF-8")
        .into_owned()
}

fn error(status: u16, code: &str) -> Response {
    let quoted = format!("q-signature=1 {}", SECRETS[4]);
    (
        status,
        format!("<Error><Code>{code}</Code><Message>{quoted}</Message></Error>"),
    )
}

/// Replaces the token of the next page in a response.
fn with_token(answer: &str, token: &str) -> String {
    let (before, after) = answer.split_once("<NextToken>").expect("not the last page");
    let (_, after) = after.split_once('<').expect("it is closed");
    format!("{before}<NextToken>{token}<{after}")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
