//! Starts and calls, interleaved: what else the machine does meanwhile hits all functions alike.

use std::time::Duration;

use crate::{
    function::Function,
    harness::{
        bodies,
        figures::{milliseconds, percentile},
    },
    running::Running,
};

/// Calls before any is counted: what is compiled just in time is then in time.
const WARM_UP_CALLS: usize = 1000;

/// Functions take turns this often.
const BLOCKS: usize = 50;

/// Calls of a large body.
const LARGE_CALLS: usize = 5;

/// What a function's cold starts took.
#[derive(Default)]
pub(crate) struct Cold {
    inits: Vec<Duration>,
    firsts: Vec<Duration>,
}

/// What a function's warm calls took.
#[derive(Default)]
pub(crate) struct Warm {
    times: Vec<Duration>,
    cpu: Duration,
    /// In bytes.
    pub(crate) peak_memory: u64,
}

impl Cold {
    /// Starts each function as often as it says and calls it once, in turns, in that order.
    pub(crate) fn of(functions: &[&Function], event: &str) -> Vec<Self> {
        let rounds = functions.iter().map(|function| function.cold_starts).max();
        let rounds = rounds.unwrap_or_default();
        let mut all: Vec<_> = functions.iter().map(|_| Self::default()).collect();
        for round in 0..rounds {
            for (function, cold) in functions.iter().zip(&mut all) {
                // Those with fewer starts have theirs over all of the time, too.
                if round % (rounds / function.cold_starts) == 0 {
                    let mut running = Running::start(function);
                    cold.inits.push(running.init);
                    cold.firsts.push(running.call(event));
                }
            }
        }
        all
    }

    /// In milliseconds.
    pub(crate) fn init(&self) -> f64 {
        milliseconds(percentile(&self.inits, 0.5))
    }

    /// In milliseconds.
    pub(crate) fn first(&self) -> f64 {
        milliseconds(percentile(&self.firsts, 0.5))
    }
}

impl Warm {
    /// Calls each function so often, in turns of a block each.
    pub(crate) fn of(functions: &[&Function], event: &str, calls: usize) -> Vec<Self> {
        let mut all: Vec<_> = functions
            .iter()
            .map(|function| (Running::start(function), Self::default()))
            .collect();
        for (running, _) in &mut all {
            for _ in 0..WARM_UP_CALLS {
                running.call(event);
            }
        }
        for _ in 0..BLOCKS {
            for (running, warm) in &mut all {
                let before = running.cpu();
                warm.times
                    .extend((0..calls / BLOCKS).map(|_| running.call(event)));
                warm.cpu += running.cpu() - before;
            }
        }
        all.into_iter()
            .map(|(running, warm)| Self {
                peak_memory: running.peak_memory(),
                ..warm
            })
            .collect()
    }

    /// In milliseconds.
    pub(crate) fn percentile(&self, part: f64) -> f64 {
        milliseconds(percentile(&self.times, part))
    }

    /// Of one call, in milliseconds.
    pub(crate) fn cpu(&self) -> f64 {
        milliseconds(self.cpu) / self.times.len() as f64
    }
}

/// What a body took whose message goes to the vault.
pub(crate) struct Large {
    /// Of the body, in bytes.
    pub(crate) size: usize,
    /// Of a call, in milliseconds.
    pub(crate) time: f64,
    /// Of a call, in milliseconds.
    pub(crate) cpu: f64,
    /// In bytes.
    pub(crate) peak_memory: u64,
}

impl Large {
    /// Calls a new process with a body of about so many bytes.
    pub(crate) fn of(function: &Function, bytes: usize) -> Self {
        let body = bodies::transcript(bytes);
        let event = bodies::event(&body);
        let mut running = Running::start(function);
        let before = running.cpu();
        let times: Vec<_> = (0..LARGE_CALLS).map(|_| running.call(&event)).collect();
        Self {
            size: body.len(),
            time: milliseconds(percentile(&times, 0.5)),
            cpu: milliseconds(running.cpu() - before) / LARGE_CALLS as f64,
            peak_memory: running.peak_memory(),
        }
    }
}
