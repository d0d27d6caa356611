//! The vendor's query API, as its pages describe it: signed requests, lists in pages, lookups.
//!
//! The signature is checked by an implementation of its own, from what came over the wire.

use std::{
    collections::{BTreeMap, HashMap},
    future,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hmac::{Hmac, KeyInit, Mac};
use http_body_util::Full;
use hyper::{StatusCode, body::Bytes, header, http::request::Parts};
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha1::{Digest, Sha1};
use tokio::{io::AsyncWriteExt, net::TcpListener, sync::Notify};

use crate::jobs::Job;
use testkit::server::{self, Answer};

pub(crate) const SECRET_ID: &str = "AKIDinvented0000000000000000000example";
pub(crate) const SECRET_KEY: &str = "invented0secret0key0for0tests000";
pub(crate) const TOKEN: &str = "sess/ion+tok=en";

/// What may be in nothing that a command writes. The last is in each error of this server, as the
/// vendor quotes requests in its own.
pub(crate) const SECRETS: [&str; 5] = [
    SECRET_KEY,
    SECRET_ID,
    TOKEN,
    "q-signature",
    "quoted0by0the0vendor",
];

/// How far clocks may be apart.
const MAX_SKEW: SignedDuration = SignedDuration::from_mins(15);

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// What an answer is instead of what it should be.
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
    /// The vendor's error with the id of the request that it is about.
    ErrorOf(u16, &'static str, &'static str),
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
    /// By the tag that is listed, or by the path.
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
        let address = before(address, Arc::clone(&shared)).await;
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

    /// Answers each request for this tag or path by a fault.
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

/// A server before the one at `address` which closes connections and drips: hyper does neither.
async fn before(address: SocketAddr, shared: Arc<Shared>) -> SocketAddr {
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
                            // It ends with whichever side ends first.
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

    async fn handle(&self, head: &Parts) -> Answer {
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
        let what = parameters.get("tag").unwrap_or(&path);
        let fault = lock(&self.faults).remove(&number);
        let fault = fault.or_else(|| lock(&self.always).get(what).cloned());
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
            Some(Fault::ErrorOf(status, code, id)) => {
                let id = format!("<RequestId>{id}</RequestId>");
                with_status(status, format!("<Error><Code>{code}</Code>{id}</Error>"))
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

    fn answer(&self, path: &str, parameters: &BTreeMap<String, String>) -> Answer {
        let segments: Vec<_> = path.trim_start_matches('/').split('/').collect();
        match segments[..] {
            ["jobs"] => self.list(parameters),
            ["workflowexecution"] => self.list_runs(parameters),
            ["workflowexecution", id] => match lock(&self.runs).iter().find(|run| run.id == id) {
                Some(run) => {
                    let request_id = "<RequestId>NjQ=</RequestId>";
                    with_status(200, format!("<Response>{request_id}{}</Response>", run.xml))
                }
                None => error(404, "ResourceNotFound"),
            },
            ["jobs", ids] => self.look_up(ids, &['d', 'f'], false),
            ["doc_jobs", id] => self.look_up(id, &['d'], true),
            ["file_jobs", id] => self.look_up(id, &['f'], true),
            [queues] if queues.ends_with("queue") => self.list_queues(path, parameters),
            _ => error(404, "NoSuchKey"),
        }
    }

    /// `GET /jobs?tag=`. Pictures, documents and files are there only by their type of queue, and the
    /// others only without one.
    fn list(&self, parameters: &BTreeMap<String, String>) -> Answer {
        let get = |name: &str| parameters.get(name).map(String::as_str);
        let Some(tag) = get("tag") else {
            return error(400, "InvalidArgument");
        };
        let own_type = match tag {
            "PicProcess" | "PosterProduction" | "ImageInspect" | "ImageOCR" => Some("PicProcess"),
            "DocProcess" | "DocWatermark" => Some("DocProcess"),
            "FileHashCode" | "FileUncompress" | "FileCompress" => Some("FileProcess"),
            _ => None,
        };
        let is_shown = get("queueId").is_some() || get("queueType") == own_type;
        let jobs = lock(&self.jobs);
        let matching = jobs.iter().filter(|job| {
            is_shown && job.tag == tag && get("queueId").is_none_or(|queue| queue == job.queue)
        });
        page(matching.cloned(), parameters, |job| job.xml.clone())
    }

    fn list_runs(&self, parameters: &BTreeMap<String, String>) -> Answer {
        let workflow = parameters.get("workflowId");
        let runs = lock(&self.runs);
        let matching = runs
            .iter()
            .filter(|run| workflow.is_none_or(|id| *id == run.tag));
        page(matching.cloned(), parameters, |run| {
            let Job {
                id,
                tag,
                state,
                created,
                ..
            } = run;
            let created = crate::jobs::vendor_time(*created).replace("+0800", "+08:00");
            format!(
                "<WorkflowExecutionList><RunId>{id}</RunId><WorkflowId>{tag}</WorkflowId>\
                 <Object>a</Object><CreateTime>{created}</CreateTime><State>{state}</State>\
                 </WorkflowExecutionList>"
            )
        })
    }

    /// `only` or all but the jobs whose ids begin with these letters.
    fn look_up(&self, ids: &str, letters: &[char], only: bool) -> Answer {
        let ids: Vec<_> = ids.split(',').collect();
        if ids.len() > 10 || (only && ids.len() > 1) {
            return error(400, "InvalidArgument");
        }
        let jobs = lock(&self.jobs);
        let mut inside = String::new();
        for id in ids {
            let is_here = id.starts_with(letters) == only;
            match jobs.iter().find(|job| is_here && job.id == id) {
                Some(job) => inside += &job.xml,
                None => inside += &format!("<NonExistJobIds>{id}</NonExistJobIds>"),
            }
        }
        with_status(200, format!("<Response>{inside}</Response>"))
    }

    fn list_queues(&self, path: &str, parameters: &BTreeMap<String, String>) -> Answer {
        let number = |name: &str| -> usize {
            let number = parameters.get(name).and_then(|number| number.parse().ok());
            number.unwrap_or(1)
        };
        let queues = lock(&self.queues);
        let empty = Vec::new();
        let all = queues.get(path).unwrap_or(&empty);
        let size = number("pageSize").min(100);
        let begin = (number("pageNumber") - 1) * size;
        let page: String = all.iter().skip(begin).take(size).cloned().collect();
        let count = all.len();
        let body = format!("<Response><TotalCount>{count}</TotalCount>{page}</Response>");
        with_status(200, body)
    }

    /// Checks the signature of a request.
    fn check(&self, head: &Parts) -> Result<(), (u16, &'static str)> {
        let header = |name: &str| {
            let value = head.headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let authorization = header("authorization");
        let fields: HashMap<_, _> = authorization
            .split('&')
            .filter_map(|field| field.split_once('='))
            .collect();
        let field = |name: &str| fields.get(name).copied().unwrap_or_default();
        if field("q-sign-algorithm") != "sha1" {
            return Err((403, "MissingAuthorization"));
        }
        if field("q-ak") != SECRET_ID {
            return Err((403, "InvalidAccessKeyId"));
        }
        let times = field("q-sign-time").split_once(';');
        let times = times.and_then(|(begin, end)| {
            let time = |text: &str| Timestamp::from_second(text.parse().ok()?).ok();
            Some((time(begin)?, time(end)?))
        });
        let Some((begin, end)) = times else {
            return Err((403, "InvalidAuthorization"));
        };
        let now = Timestamp::now() + *lock(&self.skew);
        if end < now {
            return Err((403, "SignatureExpired"));
        }
        if begin > now + MAX_SKEW {
            return Err((403, "RequestTimeTooSkewed"));
        }
        // All that came must be signed: host and token, and every parameter.
        let mut headers = vec![("host".to_owned(), header("host"))];
        if head.headers.contains_key("x-cos-security-token") {
            let name = "x-cos-security-token";
            headers.push((name.to_owned(), header(name)));
        }
        let parameters = pairs(head.uri.query().unwrap_or_default());
        let (header_list, headers) = canonical(headers);
        let (parameter_list, parameters) = canonical(parameters);
        let http_string = format!(
            "get\n{}\n{parameters}\n{headers}\n",
            decoded(head.uri.path())
        );
        let digest = hex::encode(Sha1::digest(http_string));
        let time = field("q-key-time");
        let to_sign = format!("sha1\n{time}\n{digest}\n");
        let signature = hmac(&hmac(SECRET_KEY, time), &to_sign);
        let is_right = field("q-header-list") == header_list
            && field("q-url-param-list") == parameter_list
            && field("q-signature") == signature
            && header("x-cos-security-token") == TOKEN
            && head.method == hyper::Method::GET;
        if is_right {
            Ok(())
        } else {
            Err((403, "SignatureDoesNotMatch"))
        }
    }
}

/// A page of a list by its parameters.
fn page(
    jobs: impl Iterator<Item = Job>,
    parameters: &BTreeMap<String, String>,
    xml: impl Fn(&Job) -> String,
) -> Answer {
    let get = |name: &str| parameters.get(name).map(String::as_str);
    let time = |name: &str| -> Timestamp {
        let text = get(name).expect("a window is asked for");
        let format = "%Y-%m-%dT%H:%M:%S%z";
        Timestamp::strptime(format, text).expect("a time as the vendor has it")
    };
    let (from, until) = (time("startCreationTime"), time("endCreationTime"));
    let states: Vec<_> = get("states").unwrap_or("All").split(',').collect();
    let mut jobs: Vec<_> = jobs
        .filter(|job| (from..=until).contains(&job.created))
        .filter(|job| states == ["All"] || states.contains(&&*job.state))
        .collect();
    jobs.sort_by_key(|job| job.created);
    if get("orderByTime") != Some("Asc") {
        jobs.reverse();
    }
    let size = get("size").map_or(10, |size| size.parse().expect("a number"));
    if size > 100 {
        return error(400, "InvalidArgument");
    }
    let begin = get("nextToken").map_or(0, |token| token.parse().expect("a token of this server"));
    let inside: String = jobs.iter().skip(begin).take(size).map(xml).collect();
    let end = begin + size;
    let token = if end < jobs.len() {
        format!("<NextToken>{end}</NextToken>")
    } else {
        String::new()
    };
    with_status(200, format!("<Response>{inside}{token}</Response>"))
}

fn canonical(pairs: Vec<(String, String)>) -> (String, String) {
    let encode = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
    let sorted: BTreeMap<_, _> = pairs
        .iter()
        .map(|(name, value)| (encode(name).to_ascii_lowercase(), encode(value)))
        .collect();
    let names: Vec<_> = sorted.keys().cloned().collect();
    let joined: Vec<_> = sorted
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    (names.join(";"), joined.join("&"))
}

fn hmac(key: &str, message: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).expect("a key of any length");
    mac.update(message.as_bytes());
    hex::encode(mac.finalize().into_bytes())
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

fn with_status(status: u16, body: String) -> Answer {
    let mut answer = Answer::new(Full::from(body));
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

fn error(status: u16, code: &str) -> Answer {
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
