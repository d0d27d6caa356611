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
use testkit::{fake_aws::FakeAws, function_url::post_xml};

/// The load average above which times say nothing, and the time to wait for it to fall after a build.
const MAX_LOAD: f64 = 1.0;
const LOAD_LIMIT: Duration = Duration::from_secs(300);

/// The number of cold starts of each function, and the pause before each: the kernel frees the last process.
const COLD_STARTS: usize = 100;
const PAUSE: Duration = Duration::from_millis(20);

/// Warm calls that are not measured, and those that are, in blocks.
const WARM_UP_CALLS: usize = 1000;
const BLOCKS: usize = 50;
const BLOCK_CALLS: u32 = 100;

/// The columns of the table: init, first call, warm call and CPU of a call in ms, peak memory in MiB. Each
/// cell is the median of samples.
type Samples = [Vec<f64>; 5];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), String> {
    let load = wait_for_quiet_machine()?;
    let aws = FakeAws::start().await;
    let event = post_xml(&case(TASK)).to_string();
    let mut functions = FUNCTIONS.map(|name| (fresh_copy(name), Samples::default()));
    // Keeps the harness from sleeping: a wake-up would take longer than many of the calls.
    tokio::spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    cold_starts(&mut functions, &aws, &event).await;
    assert_eq!(aws.drain().len(), COLD_STARTS, "one message a call");
    warm_calls(&mut functions, &aws, &event).await;
    print(&format!("load average before: {load}\n"));
    print("| | init, ms | first call, ms | warm call, ms | CPU of a call, ms | memory, MiB |");
    print("|---|--:|--:|--:|--:|--:|");
    for (name, (_, samples)) in FUNCTIONS.iter().zip(functions) {
        let cells = samples.map(|samples| format!("{:.2}", median(samples)));
        print(&format!("| {name} | {} |", cells.join(" | ")));
    }
    Ok(())
}

/// Waits until the load average is low enough, and returns it.
fn wait_for_quiet_machine() -> Result<f64, String> {
    let begin = Instant::now();
    loop {
        let text = fs::read_to_string("/proc/loadavg").map_err(|error| error.to_string())?;
        let load = text.split(' ').next().unwrap_or_default();
        let load: f64 = load.parse().expect("the kernel writes numbers");
        if load <= MAX_LOAD {
            return Ok(load);
        }
        if begin.elapsed() > LOAD_LIMIT {
            return Err(format!("the load average is {load}, above {MAX_LOAD}"));
        }
        thread::sleep(Duration::from_secs(5));
    }
}

/// Copies a function without its symbols, as it is deployed. A file that was just written starts faster, so
/// both functions are new files.
fn fresh_copy(name: &str) -> PathBuf {
    let copy = built().join(format!("{name}-stripped"));
    let mut strip = Command::new("strip");
    let status = strip.arg("-o").arg(&copy).arg(built().join(name)).status();
    assert!(status.is_ok_and(|status| status.success()), "strip failed");
    copy
}

async fn cold_starts(functions: &mut [(PathBuf, Samples); 2], aws: &FakeAws, event: &str) {
    for _ in 0..COLD_STARTS {
        for (program, [inits, first_calls, ..]) in &mut *functions {
            tokio::time::sleep(PAUSE).await;
            let (function, init) = start(&mut Command::new(program), aws).await;
            inits.push(milliseconds(init));
            first_calls.push(milliseconds(call(&function, event).await));
        }
    }
}

async fn warm_calls(functions: &mut [(PathBuf, Samples); 2], aws: &FakeAws, event: &str) {
    let mut running = Vec::new();
    for (program, _) in &*functions {
        let (function, _) = start(&mut Command::new(program), aws).await;
        for _ in 0..WARM_UP_CALLS {
            call(&function, event).await;
        }
        running.push(function);
    }
    for _ in 0..BLOCKS {
        for (function, (_, samples)) in running.iter().zip(&mut *functions) {
            let [_, _, times, cpu, memory] = samples;
            aws.drain();
            let before = function.cpu();
            for _ in 0..BLOCK_CALLS {
                times.push(milliseconds(call(function, event).await));
            }
            cpu.push(milliseconds((function.cpu() - before) / BLOCK_CALLS));
            memory.push(function.memory("VmHWM") as f64 / 1048576.0);
        }
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
