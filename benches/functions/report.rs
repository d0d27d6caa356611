//! The whole of a run, and the page that it goes to.

use std::{fmt, fs};

use crate::{
    function::{Functions, in_repository},
    goals,
    measure::{Cold, Large, Warm},
    tables,
};

const PAGE: &str = "docs/performance.md";

/// What is between them is written by the benchmark.
const MARKS: [&str; 2] = ["<!-- bench:begin -->", "<!-- bench:end -->"];

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

/// Writes it between the page's marks.
pub(crate) fn write(text: &str) {
    let path = in_repository(PAGE);
    let page = fs::read_to_string(&path).expect("the page is there");
    let [begin, end] = MARKS.map(|mark| page.split_once(mark).expect("the page has both marks"));
    let [mark, end_mark] = MARKS;
    let page = format!(
        "{}{mark}\n\n{}\n\n{end_mark}{}",
        begin.0,
        text.trim(),
        end.1
    );
    fs::write(path, page).expect("the page can be written");
}
