//! Tests hostile bodies, most of them with 4 MiB. Each must produce the expected result within the limits of
//! CPU time and memory.
//!
//! The binary contains only one test, because the memory of a second one would be added to the measurement.

mod bodies;

use std::time::Duration;

use cloud_infinite_callback::{callback::Payload, event};
use peak_alloc::PeakAlloc;
use rustix::time::{ClockId, clock_gettime};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The maximum CPU time until the last message of a body is created. Unoptimized code needs about ten times as
/// long.
const MAX_CPU: Duration = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 2 });

/// The maximum memory of parsing and normalizing, as a multiple of the body's size. A growing vector counts
/// twice, because its old and new buffers exist at the same time.
const MAX_MEMORY: usize = 16;

/// The maximum memory for a body of less than 3 MiB, which is limited by the number of its values.
const MAX_DENSE_BYTES: usize = 96 * 1024 * 1024;

/// The result for a body.
#[derive(Debug, PartialEq)]
enum ReadResult {
    Read { jobs: usize },
    Refused(String),
}

/// Returns the result for a body. Each message is dropped before the next one is created, as in the publisher.
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

/// Returns the CPU time of this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.try_into().expect("a clock does not run backwards")
}
