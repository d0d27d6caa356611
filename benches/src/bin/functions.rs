//! Compares the function with an empty one and two peers, and prints tables in Markdown.
//!
//! `docs/performance.md` says what is measured and how. Starts and calls of all functions take turns,
//! so that other work on the machine slows all of them alike.

use std::{
    env, fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use benches::{case, in_repository, transcript};
use testkit::{
    bodies::{snapshot, tasks, to_xml},
    fake_aws::FakeAws,
    function::{Function, Settings, TIMEOUT},
    function_url::post_xml,
    runtime_api::Answer,
};

/// Cold starts of the Rust functions, and of the peers, which take a hundred times as long.
const COLD_STARTS: usize = 100;
const PEER_COLD_STARTS: usize = 20;

/// The pause between two starts, in which the kernel clears up after the process before.
const PAUSE: Duration = Duration::from_millis(20);

/// Calls that are not counted: just-in-time compilers work during these.
const WARM_UP_CALLS: usize = 1000;

/// How often the functions take turns in warm calls.
const BLOCKS: usize = 50;

/// Warm calls in one block, with one job and with several.
const BLOCK_CALLS: usize = 100;
const BLOCK_CALLS_BATCH: usize = 10;

/// Jobs in one callback: as many as SQS takes in one call.
const BATCH: u32 = 10;

/// Sentences of large bodies. The last body is about as large as a function URL accepts in base64.
const SENTENCES: [usize; 3] = [5_000, 10_000, 20_000];

/// Calls with one large body.
const LARGE_CALLS: usize = 5;

/// A function that can be started.
struct Candidate {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    settings: Settings,
    cold_starts: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // Keeps the harness from sleeping: a wake-up would take longer than many of the calls.
    tokio::spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    let aws = FakeAws::start().await;
    let all = candidates(&aws);
    let publishing = &all[1..];
    let event = post_xml(case("task/ok_task_transcode.xml").as_bytes()).to_string();
    let batch = post_xml(&to_xml(&tasks((0..BATCH).map(snapshot)))).to_string();
    for candidate in publishing {
        check(candidate, &aws, &event, 1).await;
        check(candidate, &aws, &batch, BATCH as usize).await;
    }

    let cold = cold(&all, &event).await;
    let warm_calls = warm(&all, &aws, &event, BLOCK_CALLS).await;
    let rows = cold.iter().zip(&warm_calls);
    let rows: Vec<_> = rows
        .map(|(cold, warm)| [&cold[..], warm].concat())
        .collect();
    let columns = [
        "init, ms",
        "first call, ms",
        "warm p50, ms",
        "warm p99, ms",
        "CPU of a call, ms",
        "peak memory, MiB",
    ];
    table("function", &columns, &names(&all), &rows);

    let rows = warm(publishing, &aws, &batch, BLOCK_CALLS_BATCH).await;
    let title = format!("{BATCH} jobs in one callback");
    table(&title, &columns[2..], &names(publishing), &rows);

    let mut names = Vec::new();
    let mut rows = Vec::new();
    for sentences in SENTENCES {
        let body = to_xml(&transcript(sentences));
        names.push(format!("{:.1} MB", body.len() as f64 / 1e6));
        rows.push(large(&all[1], &aws, &body).await);
    }
    let columns = ["time, ms", "CPU, ms", "peak memory, MiB"];
    table("body", &columns, &names, &rows);
    for candidate in &all[..2] {
        let bytes = fs::metadata(&candidate.program).expect("it has run").len();
        print(&format!("{}: {:.1} MiB", candidate.name, mebibytes(bytes)));
    }
}

/// Returns the empty function, the function, and its peers, in this order.
fn candidates(aws: &FakeAws) -> [Candidate; 4] {
    let path = env::var("PATH").unwrap_or_default();
    let settings = aws
        .settings()
        .with("AWS_DEFAULT_REGION", testkit::ministack::REGION)
        .with("VAULT_BUCKET", "vault")
        .with("PATH", &path);
    let candidate = |name, program, arguments: &[&str], cold_starts| Candidate {
        name,
        program,
        arguments: arguments.iter().map(|text| (*text).to_owned()).collect(),
        settings: settings.clone(),
        cold_starts,
    };
    let this = env::current_exe().expect("a program has a file");
    let python = in_repository(".venv-bench/bin/python");
    let python_path = in_repository("benches/peers/python");
    let python_path = python_path.to_str().expect("the path is text");
    let node = in_repository("benches/peers/node/dist/peer.cjs");
    let node = node.to_str().expect("the path is text");
    let python_arguments = ["-m", "awslambdaric", "peer.handle"];
    let mut all = [
        candidate("empty", this.with_file_name("empty"), &[], COLD_STARTS),
        candidate(
            "callback",
            this.with_file_name("callback"),
            &[],
            COLD_STARTS,
        ),
        candidate("Python peer", python, &python_arguments, PEER_COLD_STARTS),
        candidate("Node peer", "node".into(), &[node], PEER_COLD_STARTS),
    ];
    all[2].settings = settings.with("PYTHONPATH", python_path);
    all
}

fn names(candidates: &[Candidate]) -> Vec<String> {
    let names = candidates.iter().map(|candidate| candidate.name.to_owned());
    names.collect()
}

/// Starts a function, and returns the time until it asks for an invocation.
async fn start(candidate: &Candidate) -> (Function, Duration) {
    let mut command = Command::new(&candidate.program);
    command.args(&candidate.arguments);
    tokio::time::sleep(PAUSE).await;
    let begin = Instant::now();
    let function = Function::spawn(&mut command, candidate.settings.clone()).await;
    function.api.idle().await;
    (function, begin.elapsed())
}

/// Invokes a function that is idle, and returns the time until its answer has arrived.
async fn call(function: &Function, event: &str) -> Duration {
    let event = event.to_owned();
    let begin = Instant::now();
    let answer = function.api.invoke(event, TIMEOUT).await;
    let time = begin.elapsed();
    match answer {
        Answer::Response(answer) if answer["statusCode"] == 200 => {}
        other => panic!("expected status 200, but found {other:?}"),
    }
    function.api.idle().await;
    time
}

/// Checks that a function sends one message per job.
async fn check(candidate: &Candidate, aws: &FakeAws, event: &str, jobs: usize) {
    call(&start(candidate).await.0, event).await;
    assert_eq!(aws.drain().len(), jobs, "messages of {}", candidate.name);
}

/// Returns medians of the cold starts and of the first calls, in milliseconds.
async fn cold(candidates: &[Candidate], event: &str) -> Vec<[f64; 2]> {
    let mut times = vec![(Vec::new(), Vec::new()); candidates.len()];
    for round in 0..COLD_STARTS {
        for (candidate, (inits, firsts)) in candidates.iter().zip(&mut times) {
            if round % (COLD_STARTS / candidate.cold_starts) == 0 {
                let (function, init) = start(candidate).await;
                inits.push(init);
                firsts.push(call(&function, event).await);
            }
        }
    }
    let medians = |(inits, firsts)| [percentile(inits, 0.5), percentile(firsts, 0.5)];
    times.into_iter().map(medians).collect()
}

/// Returns the median and the 99th percentile of warm calls, the CPU time of one call, all in
/// milliseconds, and the peak memory in MiB.
async fn warm(candidates: &[Candidate], aws: &FakeAws, event: &str, calls: usize) -> Vec<[f64; 4]> {
    let mut all = Vec::new();
    for candidate in candidates {
        let (function, _) = start(candidate).await;
        for _ in 0..WARM_UP_CALLS {
            call(&function, event).await;
        }
        all.push((function, Vec::new(), Duration::ZERO));
    }
    for _ in 0..BLOCKS {
        for (function, times, cpu) in &mut all {
            aws.drain();
            let before = function.cpu();
            for _ in 0..calls {
                times.push(call(function, event).await);
            }
            *cpu += function.cpu() - before;
        }
    }
    let figures = |(function, times, cpu): (Function, Vec<_>, Duration)| {
        let cpu = milliseconds(cpu) / times.len() as f64;
        let memory = mebibytes(function.memory("VmHWM"));
        [
            percentile(times.clone(), 0.5),
            percentile(times, 0.99),
            cpu,
            memory,
        ]
    };
    all.into_iter().map(figures).collect()
}

/// Returns the time and the CPU time of a call with a large body, in milliseconds, and the peak
/// memory in MiB.
async fn large(candidate: &Candidate, aws: &FakeAws, body: &[u8]) -> [f64; 3] {
    let event = post_xml(body).to_string();
    let (function, _) = start(candidate).await;
    let before = function.cpu();
    let mut times = Vec::new();
    for _ in 0..LARGE_CALLS {
        times.push(call(&function, &event).await);
        aws.drain();
    }
    let cpu = milliseconds(function.cpu() - before) / LARGE_CALLS as f64;
    [
        percentile(times, 0.5),
        cpu,
        mebibytes(function.memory("VmHWM")),
    ]
}

/// Prints a table; all rows but the first have their ratio to it.
fn table(title: &str, columns: &[&str], names: &[String], rows: &[impl AsRef<[f64]>]) {
    print(&format!("| {title} | {} |", columns.join(" | ")));
    print(&format!("|---{}|", "|--:".repeat(columns.len())));
    for (place, (name, row)) in names.iter().zip(rows).enumerate() {
        let cells = row.as_ref().iter().zip(rows[0].as_ref());
        let cells = cells.map(|(value, first)| match place {
            0 => rounded(*value),
            _ => format!("{} ({} ×)", rounded(*value), rounded(value / first)),
        });
        let cells: Vec<_> = cells.collect();
        print(&format!("| {name} | {} |", cells.join(" | ")));
    }
    print("");
}

#[expect(clippy::print_stdout, reason = "the program's output")]
fn print(line: &str) {
    println!("{line}");
}

fn percentile(mut times: Vec<Duration>, part: f64) -> f64 {
    times.sort();
    milliseconds(times[((times.len() - 1) as f64 * part) as usize])
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1048576.0
}

/// Formats a figure with two digits, or more before the point.
fn rounded(value: f64) -> String {
    match value {
        ..1.0 => format!("{value:.2}"),
        ..10.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
