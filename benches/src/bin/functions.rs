//! Compares the function with an empty one, and prints a table in Markdown: see `docs/performance.md`.
//!
//! Both take turns, so that other work on the machine slows both alike.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use benches::{FUNCTIONS, TASK, built, call, case, print, start};
use testkit::{fake_aws::FakeAws, function::Function, function_url::post_xml};

/// The load average above which times say nothing, and the time to wait for it to fall after a build.
const MAX_LOAD: f64 = 1.0;
const LOAD_LIMIT: Duration = Duration::from_secs(300);

/// Cold starts of each function.
const COLD_STARTS: usize = 100;

/// The pause between two starts, in which the kernel frees the memory of the process before.
const PAUSE: Duration = Duration::from_millis(20);

/// Warm calls that are not measured, and those that are: blocks in turn.
const WARM_UP_CALLS: usize = 1000;
const BLOCKS: usize = 50;
const BLOCK_CALLS: usize = 100;

/// What is measured of one function.
struct Measured {
    program: PathBuf,
    inits: Vec<Duration>,
    first_calls: Vec<Duration>,
    warm_calls: Vec<Duration>,
    cpu: Duration,
    memory: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), String> {
    let load = wait_for_quiet_machine()?;
    let aws = FakeAws::start().await;
    let event = post_xml(&case(TASK)).to_string();
    let mut functions = FUNCTIONS.map(Measured::new);
    // Keeps the harness from sleeping: a wake-up would take longer than many of the calls.
    tokio::spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    for _ in 0..COLD_STARTS {
        for measured in &mut functions {
            measured.cold_start(&aws, &event).await;
        }
    }
    let published = aws.drain().len();
    assert_eq!(
        published, COLD_STARTS,
        "the function publishes one message a call"
    );
    warm_calls(&mut functions, &aws, &event).await;

    print(&format!("load average before: {load:.2}\n"));
    print(
        "| function | init, ms | first call, ms | warm p50, ms | warm p99, ms | CPU of a call, ms | peak memory, MiB | binary, MiB |",
    );
    print("|---|--:|--:|--:|--:|--:|--:|--:|");
    let [empty, callback] = functions.map(|measured| measured.figures());
    let mut ratios = callback;
    ratios
        .iter_mut()
        .zip(empty)
        .for_each(|(ratio, empty)| *ratio /= empty);
    for (name, figures) in [("empty", empty), ("callback", callback), ("×", ratios)] {
        let cells = figures.map(|figure| format!("{figure:.2}"));
        print(&format!("| {name} | {} |", cells.join(" | ")));
    }
    Ok(())
}

/// Waits until the load average is low enough, and returns it.
fn wait_for_quiet_machine() -> Result<f64, String> {
    let begin = Instant::now();
    loop {
        let text = fs::read_to_string("/proc/loadavg").map_err(|error| error.to_string())?;
        let load = text
            .split(' ')
            .next()
            .and_then(|load| load.parse::<f64>().ok());
        match load.ok_or("/proc/loadavg has no number")? {
            load if load <= MAX_LOAD => return Ok(load),
            load if begin.elapsed() > LOAD_LIMIT => {
                return Err(format!("the load average is {load}, above {MAX_LOAD}"));
            }
            _ => thread::sleep(Duration::from_secs(5)),
        }
    }
}

impl Measured {
    /// Copies a function without its symbols, as it is deployed. A file that was just written starts faster,
    /// so both functions are new files.
    fn new(name: &str) -> Self {
        let program = built().join(format!("{name}-stripped"));
        let mut strip = Command::new("strip");
        let strip = strip.arg("-o").arg(&program).arg(built().join(name));
        let status = strip.status();
        assert!(status.is_ok_and(|status| status.success()), "strip failed");
        Self {
            program,
            inits: Vec::new(),
            first_calls: Vec::new(),
            warm_calls: Vec::new(),
            cpu: Duration::ZERO,
            memory: 0,
        }
    }

    /// Measures init and the first call.
    async fn cold_start(&mut self, aws: &FakeAws, event: &str) -> Function {
        tokio::time::sleep(PAUSE).await;
        let (function, init) = start(&mut Command::new(&self.program), aws).await;
        self.inits.push(init);
        self.first_calls.push(call(&function, event).await);
        function
    }

    /// Returns the columns of the table.
    fn figures(&self) -> [f64; 7] {
        let binary = fs::metadata(&self.program).map_or(0, |file| file.len());
        [
            percentile(&self.inits, 0.5),
            percentile(&self.first_calls, 0.5),
            percentile(&self.warm_calls, 0.5),
            percentile(&self.warm_calls, 0.99),
            milliseconds(self.cpu) / self.warm_calls.len() as f64,
            mebibytes(self.memory),
            mebibytes(binary),
        ]
    }
}

/// Measures warm calls of both functions, in turn.
async fn warm_calls(both: &mut [Measured; 2], aws: &FakeAws, event: &str) {
    let mut functions = Vec::new();
    for measured in &mut *both {
        let function = measured.cold_start(aws, event).await;
        for _ in 0..WARM_UP_CALLS {
            call(&function, event).await;
        }
        functions.push(function);
    }
    for _ in 0..BLOCKS {
        for (function, measured) in functions.iter().zip(&mut *both) {
            aws.drain();
            let before = function.cpu();
            for _ in 0..BLOCK_CALLS {
                measured.warm_calls.push(call(function, event).await);
            }
            measured.cpu += function.cpu() - before;
            measured.memory = function.memory("VmHWM");
        }
    }
}

/// Returns a percentile in milliseconds.
fn percentile(times: &[Duration], part: f64) -> f64 {
    let mut times = times.to_vec();
    times.sort();
    milliseconds(times[((times.len() - 1) as f64 * part) as usize])
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1048576.0
}
