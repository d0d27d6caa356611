//! Hostile bodies, most of 4 MiB: each gets the expected answer within limits of CPU time and memory.
//!
//! The only test of its binary, since the memory of a second one would count as its own.

mod bodies;

use std::time::Duration;

use cloud_infinite_callback::{callback::Payload, event};
use peak_alloc::PeakAlloc;
use rustix::time::{ClockId, clock_gettime};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The CPU time that a body may take until its last message is made: `make hostile` shows it. Code that
/// is not optimized takes about ten times as long.
const MAX_CPU: Duration = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 2 });

/// The peak memory of parsing and normalizing, as a multiple of the body's size. A vector that grows counts
/// twice, since its old and its new buffer exist at the same time.
const MAX_MEMORY: usize = 16;

/// The memory for a body of less than 3 MiB: the number of its values is its limit.
const MAX_DENSE_BYTES: usize = 96 * 1024 * 1024;

/// The answer to a body.
#[derive(Debug, PartialEq)]
enum ReadResult {
    Read { jobs: usize },
    Refused(String),
}

/// A body's answer. A message is dropped before the next one is made, as the publisher does it
/// with batches.
fn answer(body: &[u8]) -> ReadResult {
    match Payload::read(body) {
        Ok(Payload::Probe) => ReadResult::Read { jobs: 0 },
        Ok(Payload::Callback(callback)) => {
            let bytes = event::events(&callback).map(|event| event::to_json(&event).len());
            ReadResult::Read {
                jobs: bytes.filter(|bytes| *bytes > 0).count(),
            }
        }
        Err(error) => ReadResult::Refused(error.to_string()),
    }
}

#[test]
fn every_hostile_body_is_answered_in_little_time_and_memory() {
    let mut faults = Vec::new();
    for bodies::Row {
        name,
        make,
        answer: expected,
    } in bodies::table()
    {
        let body = make();
        MEMORY.reset_peak_usage();
        let (memory, cpu) = (MEMORY.current_usage(), cpu_time());
        let found = answer(&body);
        let cpu = cpu_time() - cpu;
        let memory = MEMORY.peak_usage() - memory;
        let times = memory as f64 / body.len() as f64;
        eprintln!(
            "{name}: {} bytes, {cpu:.2?} of CPU, {times:.1} times the body",
            body.len()
        );
        if found != expected {
            faults.push(format!(
                "{name}: expected {expected:?}, but found {found:?}"
            ));
        }
        if cpu > MAX_CPU {
            faults.push(format!(
                "{name}: expected at most {MAX_CPU:?} of CPU, but it took {cpu:?}"
            ));
        }
        let most = match body.len() {
            long if long > bodies::SIZE / 4 * 3 => MAX_MEMORY * long,
            _ => MAX_DENSE_BYTES,
        };
        if memory > most {
            faults.push(format!(
                "{name}: expected at most {most} bytes of memory, but it took {memory}"
            ));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// This thread's CPU time so far.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.try_into().expect("a clock does not run backwards")
}
