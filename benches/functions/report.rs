//! The whole of a run.

use std::fmt;

use crate::{
    function::Functions,
    goals,
    measure::{Cold, Large, Warm},
    tables,
};

/// Everything that was measured.
pub(crate) struct Report {
    pub(crate) functions: Functions,
    /// In the order of `Functions::all`, as is `warm`.
    pub(crate) cold: Vec<Cold>,
    pub(crate) warm: Vec<Warm>,
    /// Ours with the short list, and with the system's.
    pub(crate) cold_with_tls: Vec<Cold>,
    pub(crate) certificates: [usize; 2],
    pub(crate) burst: Burst,
    pub(crate) large: [Large; 3],
}

/// Calls with many jobs each.
pub(crate) struct Burst {
    pub(crate) jobs: usize,
    /// Ours first.
    pub(crate) names: [&'static str; 3],
    pub(crate) warm: Vec<Warm>,
}

/// One function's figures.
#[derive(Clone, Copy)]
pub(crate) struct Figures {
    /// In milliseconds.
    pub(crate) init: f64,
    /// In milliseconds.
    pub(crate) first: f64,
    /// In milliseconds.
    pub(crate) p50: f64,
    /// In milliseconds.
    pub(crate) p99: f64,
    /// Of 1,000 calls, in milliseconds.
    pub(crate) cpu: f64,
    /// In MiB.
    pub(crate) memory: f64,
}

impl Report {
    /// By its place in `Functions::all`.
    pub(crate) fn figures(&self, index: usize) -> Figures {
        let (cold, warm) = (&self.cold[index], &self.warm[index]);
        Figures {
            init: cold.init(),
            first: cold.first(),
            p50: warm.percentile(0.5),
            p99: warm.percentile(0.99),
            cpu: warm.cpu() * 1e3,
            memory: warm.peak_memory as f64 / 1048576.0,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tables::functions(self, f)?;
        goals::table(self, f)?;
        tables::bursts(&self.burst, f)?;
        tables::large_bodies(&self.large, f)?;
        tables::handshakes(self, f)
    }
}
