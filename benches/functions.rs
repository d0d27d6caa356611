//! Cold starts, warm calls, CPU and memory of the function, beside an empty one.
//!
//! `make bench` prints a table: absolute values of the empty function, and how many times as much
//! ours takes. The runtime API, the queue and the vault are threads of this process that speak plain HTTP and
//! write each answer in one packet. What they take is in every number, of the empty function, too.

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Cold starts of each function, interleaved.
const COLD_STARTS: usize = 30;

/// Warm calls of each function.
const WARM_CALLS: usize = 2000;

/// Warm calls before any is counted: what is just in time is then in time.
const WARM_UP_CALLS: usize = 200;

/// What lies between two starts.
const PAUSE: Duration = Duration::from_millis(20);

/// Jiffies a second, as `/proc` counts them on every Linux of today.
const TICKS: f64 = 100.0;

const TOKEN: &str = "bench";
const TOKEN_SHA256: &str = "1b32c28cb38c05480eccc1bd60ff97029b57a05c96718b96dad7e9d84894f549";

#[expect(clippy::print_stdout, reason = "a table for who ran it")]
fn main() {
    let functions = functions();
    let mut measured = [Measured::default(), Measured::default()];
    for _ in 0..COLD_STARTS {
        for (function, measured) in functions.iter().zip(&mut measured) {
            let mut running = Running::start(function);
            measured.inits.push(running.init);
            measured.firsts.push(running.call(&event(&task())));
        }
    }
    for (function, measured) in functions.iter().zip(&mut measured) {
        measured.warm(function);
    }
    println!(
        "{}{}",
        table(&functions, &measured),
        large_bodies(&functions[1])
    );
}

/// A function that can be started.
struct Function {
    name: &'static str,
    program: PathBuf,
}

/// The empty function first, ours second.
fn functions() -> [Function; 2] {
    let callback = PathBuf::from(env!("CARGO_BIN_EXE_callback"));
    // Cargo names no path of an example to a bench.
    let empty = callback.with_file_name("examples").join("empty");
    assert!(
        empty.exists(),
        "the empty function is not built: run `make bench`"
    );
    [
        Function {
            name: "empty lambda_http",
            program: empty,
        },
        Function {
            name: "callback",
            program: callback,
        },
    ]
}

#[derive(Default)]
struct Measured {
    inits: Vec<Duration>,
    firsts: Vec<Duration>,
    calls: Vec<Duration>,
    cpu_seconds: f64,
    peak_kib: u64,
}

impl Measured {
    fn warm(&mut self, function: &Function) {
        let mut running = Running::start(function);
        let event = event(&task());
        for _ in 0..WARM_UP_CALLS {
            running.call(&event);
        }
        let before = running.cpu_seconds();
        self.calls = (0..WARM_CALLS).map(|_| running.call(&event)).collect();
        self.cpu_seconds = running.cpu_seconds() - before;
        self.peak_kib = running.peak_kib();
    }
}

/// A function's process, with a runtime API, a queue and a vault of its own.
struct Running {
    child: Child,
    init: Duration,
    api: TcpListener,
    next: TcpStream,
}

impl Running {
    fn start(function: &Function) -> Self {
        let api = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let aws = stub_aws();
        // The one before has ended, and the kernel is still clearing up after it.
        thread::sleep(PAUSE);
        let begin = Instant::now();
        let child = Command::new(&function.program)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env(
                "AWS_LAMBDA_RUNTIME_API",
                api.local_addr().expect("bound").to_string(),
            )
            .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "bench")
            .env("AWS_SECRET_ACCESS_KEY", "bench")
            .env("AWS_ENDPOINT_URL", &aws)
            .env("QUEUE_URL", format!("{aws}/000000000000/jobs"))
            .env("VAULT_BUCKET", "vault")
            .env("CALLBACK_TOKEN_SHA256", TOKEN_SHA256)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the function starts");
        let next = accept_next(&api);
        Self {
            child,
            init: begin.elapsed(),
            api,
            next,
        }
    }

    /// Hands out an event, and gives the time until the answer has come.
    fn call(&mut self, event: &str) -> Duration {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_millis();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
             lambda-runtime-aws-request-id: 8f507cfc\r\nlambda-runtime-deadline-ms: {}\r\n\
             lambda-runtime-trace-id: Root=1-5759e988-bd862e3fe1be46a994272793\r\n\
             lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-central-1:000000000000:function:bench\r\n\
             content-length: {}\r\n\r\n{event}",
            now + 10_000,
            event.len()
        );
        let begin = Instant::now();
        self.next
            .write_all(answer.as_bytes())
            .expect("the function listens");
        // The answer comes on the same connection, or on another one of the function's pool.
        let (mut stream, body) = read_response(&self.api, &mut self.next);
        let elapsed = begin.elapsed();
        let text = String::from_utf8_lossy(&body);
        assert!(
            text.contains("200"),
            "expected the answer 200, but found {text}"
        );
        let accepted = "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
        stream
            .as_mut()
            .unwrap_or(&mut self.next)
            .write_all(accepted.as_bytes())
            .expect("it listens");
        let connection = stream.as_mut().unwrap_or(&mut self.next);
        let request = read_request(connection);
        if request.is_none_or(|request| !request.line.contains("/invocation/next")) {
            self.next = accept_next(&self.api);
        } else if let Some(stream) = stream {
            self.next = stream;
        }
        elapsed
    }

    fn cpu_seconds(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split(' ')
            .collect();
        // The 14th and 15th field, user and system time, counted from behind the name.
        fields[12..14]
            .iter()
            .map(|ticks| ticks.parse::<f64>().expect("a number"))
            .sum::<f64>()
            / TICKS
    }

    fn peak_kib(&self) -> u64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .expect("Linux says so");
        line.split_whitespace()
            .nth(1)
            .and_then(|kib| kib.parse().ok())
            .expect("a number")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn accept_next(api: &TcpListener) -> TcpStream {
    let (mut stream, _) = api.accept().expect("the function asks for an invocation");
    stream.set_nodelay(true).expect("a socket takes it");
    let request = read_request(&mut stream).expect("a request");
    assert!(
        request.line.contains("/invocation/next"),
        "expected next, but found {}",
        request.line
    );
    stream
}

/// Reads the answer from the connection that waits, or from a new one, which is then given.
fn read_response(api: &TcpListener, next: &mut TcpStream) -> (Option<TcpStream>, Vec<u8>) {
    api.set_nonblocking(true).expect("a socket takes it");
    next.set_nonblocking(true).expect("a socket takes it");
    let mut stream = loop {
        if next.peek(&mut [0]).is_ok() {
            break None;
        }
        if let Ok((stream, _)) = api.accept() {
            stream.set_nodelay(true).expect("a socket takes it");
            break Some(stream);
        }
        thread::yield_now();
    };
    api.set_nonblocking(false).expect("a socket takes it");
    next.set_nonblocking(false).expect("a socket takes it");
    let connection = stream.as_mut().unwrap_or(next);
    connection
        .set_nonblocking(false)
        .expect("a socket takes it");
    let request = read_request(connection).expect("an answer");
    assert!(
        request.line.contains("/response"),
        "expected an answer, but found {}",
        request.line
    );
    (stream, request.body)
}

/// A request as far as it matters here.
struct Request {
    line: String,
    body: Vec<u8>,
}

fn read_request(stream: &mut TcpStream) -> Option<Request> {
    let mut reader = BufReader::with_capacity(1 << 16, &mut *stream);
    let mut line = String::new();
    if reader.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut headers = HashMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = Vec::new();
    if let Some(length) = headers.get("content-length") {
        body.resize(length.parse().ok()?, 0);
        reader.read_exact(&mut body).ok()?;
    } else if headers.contains_key("transfer-encoding") {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk).ok()?;
            if size == 0 {
                break;
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }
    Some(Request { line, body })
}

/// A queue and a vault that take everything; gives its URL.
fn stub_aws() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer_aws(stream));
        }
    });
    format!("http://{address}")
}

fn answer_aws(mut stream: TcpStream) {
    stream.set_nodelay(true).expect("a socket takes it");
    while let Some(request) = read_request(&mut stream) {
        let md5 = "00000000000000000000000000000000";
        let body = match request.line.starts_with("PUT") {
            true => String::new(),
            false => format!(r#"{{"MessageId":"5fea7756","MD5OfMessageBody":"{md5}"}}"#),
        };
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0";
        let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).is_err() {
            break;
        }
    }
}

/// A task of the usual size, in XML.
fn task() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/ok_task_transcode.xml");
    fs::read_to_string(path).expect("the case is there")
}

/// A transcript of about so many bytes.
fn transcript(bytes: usize) -> String {
    let mut details = String::new();
    for number in 0.. {
        if details.len() > bytes {
            break;
        }
        writeln!(
            details,
            "<ResultDetail><EndMs>{0}900</EndMs><FinalSentence>早上好，世界 {0}</FinalSentence>\
             <SpeakerId>0</SpeakerId><StartMs>{0}000</StartMs></ResultDetail>",
            number
        )
        .expect("memory takes it");
    }
    format!(
        "<Response><EventName>TaskFinish</EventName><JobsDetail><JobId>s1</JobId><State>Success</State>\
         <Tag>SpeechRecognition</Tag><Operation><SpeechRecognitionResult>{details}\
         </SpeechRecognitionResult></Operation></JobsDetail></Response>"
    )
}

/// What a function URL makes of a request with this body.
fn event(body: &str) -> String {
    serde_json::json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": format!("/{TOKEN}"),
        "rawQueryString": "",
        "headers": {
            "content-type": "application/xml",
            "user-agent": "Go-http-client/1.1",
            "host": "abc.lambda-url.eu-central-1.on.aws",
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "abc",
            "domainName": "abc.lambda-url.eu-central-1.on.aws",
            "domainPrefix": "abc",
            "http": {
                "method": "POST",
                "path": format!("/{TOKEN}"),
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "Go-http-client/1.1",
            },
            "requestId": "8f507cfc",
            "routeKey": "$default",
            "stage": "$default",
            "time": "06/May/2024:01:02:09 +0000",
            "timeEpoch": 1714957329000u64,
        },
        "body": base64::Engine::encode(&base64::prelude::BASE64_STANDARD, body),
        "isBase64Encoded": true,
    })
    .to_string()
}

fn percentile(times: &[Duration], part: f64) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times[((times.len() - 1) as f64 * part) as usize]
}

/// Absolute values of the empty function, and how many times as much the others take.
fn table(functions: &[Function; 2], measured: &[Measured; 2]) -> String {
    let columns = |measured: &Measured| {
        [
            percentile(&measured.inits, 0.5).as_secs_f64() * 1e3,
            percentile(&measured.firsts, 0.5).as_secs_f64() * 1e3,
            percentile(&measured.calls, 0.5).as_secs_f64() * 1e3,
            percentile(&measured.calls, 0.99).as_secs_f64() * 1e3,
            measured.cpu_seconds * 1e6 / WARM_CALLS as f64,
            measured.peak_kib as f64 / 1024.0,
        ]
    };
    let base = columns(&measured[0]);
    let mut table = "| function | init | first call | warm p50 | warm p99 | CPU of 1,000 calls | peak memory | binary |\n|---|---|---|---|---|---|---|---|\n".to_owned();
    for (index, (function, measured)) in functions.iter().zip(measured).enumerate() {
        let size = fs::metadata(&function.program).expect("it is there").len() as f64 / 1048576.0;
        let values = columns(measured);
        let cells: Vec<String> = match index {
            0 => ["ms", "ms", "ms", "ms", "ms", "MiB"]
                .iter()
                .zip(values)
                .map(|(unit, value)| format!("{value:.2} {unit}"))
                .collect(),
            _ => values
                .iter()
                .zip(base)
                .map(|(value, base)| format!("{:.1} ×", value / base))
                .collect(),
        };
        writeln!(
            table,
            "| {} | {} | {size:.1} MiB |",
            function.name,
            cells.join(" | ")
        )
        .expect("memory");
    }
    table
}

/// Bodies whose message goes to the vault.
fn large_bodies(function: &Function) -> String {
    let mut table = "\n| body | time | CPU a MB | peak memory |\n|---|---|---|---|\n".to_owned();
    for megabytes in [1.1, 2.2, 4.4] {
        let body = transcript((megabytes * 1e6) as usize);
        let event = event(&body);
        let mut running = Running::start(function);
        let before = running.cpu_seconds();
        let calls = 5;
        let times: Vec<_> = (0..calls).map(|_| running.call(&event)).collect();
        let cpu = (running.cpu_seconds() - before) * 1e3 / f64::from(calls) / megabytes;
        writeln!(
            table,
            "| {megabytes} MB | {:.0} ms | {cpu:.0} ms | {:.1} × the body |",
            percentile(&times, 0.5).as_secs_f64() * 1e3,
            running.peak_kib() as f64 * 1024.0 / body.len() as f64
        )
        .expect("memory takes it");
    }
    table
}
