//! Tables of what was measured, in Markdown.

use std::{
    fmt::{Result, Write},
    fs,
};

use crate::{
    harness::figures::rounded,
    measure::Large,
    report::{Burst, Figures, Report},
};

/// Places in `Functions::all`.
pub(crate) const EMPTY: usize = 2;
pub(crate) const CALLBACK: usize = 3;
pub(crate) const PEERS: [usize; 2] = [4, 5];

/// Of our function and the empty one, in MiB.
pub(crate) fn binary(report: &Report, index: usize) -> f64 {
    let program = &report.functions.all()[index].program;
    fs::metadata(program).expect("it has run").len() as f64 / 1048576.0
}

/// Every function with its figures, and how many times the empty one's they are.
pub(crate) fn functions(report: &Report, f: &mut impl Write) -> Result {
    f.write_str(
        "| function | init | first call | warm p50 | warm p99 | CPU of 1,000 calls | peak memory | binary |\n\
         |---|---|---|---|---|---|---|---|\n",
    )?;
    let base = cells(report.figures(EMPTY));
    for (index, function) in report.functions.all().iter().enumerate() {
        write!(f, "| {} |", function.name)?;
        for ((value, unit), (base, _)) in cells(report.figures(index)).into_iter().zip(base) {
            write!(f, " {} {unit}", rounded(value))?;
            if index != EMPTY {
                write!(f, " ({} ×)", rounded(value / base))?;
            }
            f.write_str(" |")?;
        }
        match index {
            EMPTY | CALLBACK => writeln!(f, " {:.1} MiB |", binary(report, index))?,
            _ => writeln!(f, " |")?,
        }
    }
    f.write_char('\n')
}

fn cells(figures: Figures) -> [(f64, &'static str); 6] {
    [
        (figures.init, "ms"),
        (figures.first, "ms"),
        (figures.p50, "ms"),
        (figures.p99, "ms"),
        (figures.cpu, "ms"),
        (figures.memory, "MiB"),
    ]
}

/// Callbacks with many jobs.
pub(crate) fn bursts(burst: &Burst, f: &mut impl Write) -> Result {
    let jobs = burst.jobs;
    writeln!(
        f,
        "| a callback with {jobs} jobs | warm p50 | warm p99 | CPU of 1,000 jobs |\n|---|---|---|---|"
    )?;
    let base = burst.warm[0].percentile(0.5);
    let base_cpu = burst.warm[0].cpu();
    for (place, (name, warm)) in burst.names.iter().zip(&burst.warm).enumerate() {
        let p50 = warm.percentile(0.5);
        let times = |value: f64, base: f64| match place {
            0 => String::new(),
            _ => format!(" ({} × ours)", rounded(value / base)),
        };
        writeln!(
            f,
            "| {name} | {} ms{} | {} ms | {} ms{} |",
            rounded(p50),
            times(p50, base),
            rounded(warm.percentile(0.99)),
            rounded(warm.cpu() * 1e3 / jobs as f64),
            times(warm.cpu(), base_cpu),
        )?;
    }
    f.write_char('\n')
}

/// Bodies whose message goes to the vault.
pub(crate) fn large_bodies(bodies: &[Large], f: &mut impl Write) -> Result {
    f.write_str("| body | time | CPU a MB | peak memory |\n|---|---|---|---|\n")?;
    for body in bodies {
        writeln!(
            f,
            "| {:.1} MB | {:.0} ms | {:.0} ms | {:.1} × the body |",
            megabytes(body),
            body.time,
            cpu_a_megabyte(body),
            times_the_body(body),
        )?;
    }
    f.write_char('\n')
}

pub(crate) fn megabytes(body: &Large) -> f64 {
    body.size as f64 / 1e6
}

/// In milliseconds.
pub(crate) fn cpu_a_megabyte(body: &Large) -> f64 {
    body.cpu / megabytes(body)
}

pub(crate) fn times_the_body(body: &Large) -> f64 {
    body.peak_memory as f64 / body.size as f64
}

/// Cold starts whose first call begins with a TLS handshake.
pub(crate) fn handshakes(report: &Report, f: &mut impl Write) -> Result {
    f.write_str("| the queue, and who vouches for it | init | first call |\n|---|---|---|\n")?;
    let [short, system] = report.certificates;
    let names = [
        "plain HTTP".to_owned(),
        format!("TLS, Amazon's roots and the benchmark's: {short} certificates"),
        format!("TLS, the system's bundle and the benchmark's: {system} certificates"),
    ];
    let all = [
        &report.cold[CALLBACK],
        &report.cold_with_tls[0],
        &report.cold_with_tls[1],
    ];
    for (name, cold) in names.iter().zip(all) {
        let (init, first) = (rounded(cold.init()), rounded(cold.first()));
        writeln!(f, "| {name} | {init} ms | {first} ms |")?;
    }
    Ok(())
}
