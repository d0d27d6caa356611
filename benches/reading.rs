//! How long reading takes, beside the least that it could: by family, format and size.
//!
//! `make bench-reading` prints a table, and puts it into `docs/performance.md` where that has the
//! marks for it. `benches/bodies.rs` says what is measured.

mod bodies;

use std::{env, fmt::Write as _, fs, path::Path, time::Duration};

use bodies::{Part, rows};
use criterion::{Criterion, Throughput};
use serde_json::Value;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/performance.md");
const BEGIN: &str = "<!-- reading:begin -->\n";
const END: &str = "<!-- reading:end -->";

/// How long the long bodies are, in KB.
const SIZES: &[usize] = &[10, 100, 1000];

#[expect(clippy::print_stdout, reason = "a table for who ran it")]
fn main() {
    // Emptied, so that the table has no times of an earlier run.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reading");
    let _ = fs::remove_dir_all(&folder);
    let mut criterion = Criterion::default()
        .output_directory(&folder)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(30)
        .nresamples(2000)
        .configure_from_args();
    let mut table = "\
| body | bytes | bare loop, µs | read, µs | whole, µs | read ÷ bare | whole ÷ bare | whole, MB/s |
|---|--:|--:|--:|--:|--:|--:|--:|
"
    .to_owned();
    let mut is_complete = true;
    for row in rows(SIZES) {
        let bodies = row.bodies();
        if bodies.is_empty() {
            eprintln!("{}: no bodies in ../shared/callbacks", row.name);
            is_complete = false;
            continue;
        }
        let bytes = bodies.iter().map(String::len).sum::<usize>() as u64;
        let mut group = criterion.benchmark_group(&row.name);
        group.throughput(Throughput::Bytes(bytes));
        for part in Part::ALL {
            group.bench_function(part.name(), |bencher| bencher.iter(|| part.run(&bodies)));
        }
        group.finish();
        let times = Part::ALL.map(|part| median(&folder, &row.name, part));
        match times {
            [Some(bare), Some(read), Some(whole)] => {
                let name = match bodies.len() {
                    1 => row.name,
                    count => format!("{} ({count} bodies)", row.name),
                };
                writeln!(
                    table,
                    "| {name} | {bytes} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.0} |",
                    bare / 1000.0,
                    read / 1000.0,
                    whole / 1000.0,
                    read / bare,
                    whole / bare,
                    bytes as f64 / whole * 1000.0,
                )
                .expect("a string takes all");
            }
            // Left out by a filter.
            _ => is_complete = false,
        }
    }
    criterion.final_summary();
    println!("{table}");
    if is_complete {
        document(&table);
    }
}

/// The time of one run in nanoseconds, if criterion has just measured it.
fn median(folder: &Path, row: &str, part: Part) -> Option<f64> {
    let path = folder
        .join(row)
        .join(part.name())
        .join("new/estimates.json");
    let estimates: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    estimates["median"]["point_estimate"].as_f64()
}

/// Puts the table between its marks.
fn document(table: &str) {
    let Ok(text) = fs::read_to_string(DOCUMENT) else {
        return;
    };
    let parts = text
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = parts else {
        eprintln!("{DOCUMENT}: no place for the table");
        return;
    };
    fs::write(DOCUMENT, format!("{before}{BEGIN}{table}{END}{after}")).expect("a writable file");
}
