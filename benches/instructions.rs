//! How many instructions reading takes, beside a committed baseline.
//!
//! `make bench-check` fails where a count has grown by over 5 %, `make bench-baseline` takes the
//! counts of now for the baseline. Counts are callgrind's, of this program run with one row and one
//! part of the work, a few times and more times: the difference leaves out its start. The library
//! for this, gungraun (once iai-callgrind), wants a second program installed, keeps its baselines in
//! `target`, and knows neither other tools than the baseline's nor the bare loop.
//!
//! Valgrind has no SHA instructions, so that digests, of which moderation has one a job, weigh more
//! here than on a processor of today.

mod bodies;

use std::{
    env, fs,
    process::{Command, ExitCode},
};

use bodies::{Part, Row, rows};

/// The baseline: the tools that made it, then a line a row.
const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.txt");

/// How much a count may grow. Two runs of one program differ by less than 0.01 %, two builds of the
/// same code in other surroundings by up to 0.7 %.
const TOLERANCE: f64 = 0.05;

/// How long the long bodies are, in KB.
const LONG: &[usize] = &[100];

/// Repeats whose difference is measured; the first has the memory that it allocates yet to touch.
const FEW: u64 = 1;
const MORE: u64 = 5;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => check(),
        ["--write"] => write(),
        ["--run", row, part, times] => {
            run(row, part, times);
            Ok(())
        }
        _ => Err("expected no argument, or --write".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// The work that is counted, under callgrind.
fn run(row: &str, part: &str, times: &str) {
    let rows = rows(LONG);
    let row = rows.iter().find(|it| it.name == row).expect("a row");
    let part = Part::ALL.into_iter().find(|it| it.name() == part);
    let (part, bodies) = (part.expect("a part"), row.bodies());
    for _ in 0..times.parse().expect("a number") {
        part.run(&bodies);
    }
}

/// The instructions of a row: of its bare loop, of reading, of the whole.
type Counts = [u64; 3];

#[expect(clippy::print_stdout, reason = "a table for who ran it")]
fn check() -> Result<(), String> {
    let (made_by, baseline) = baseline()?;
    let tools = tools()?;
    // Other tools move all counts a little, and the bare loop's with them: then only the counts
    // in its terms can be compared.
    let in_terms_of_bare = tools != made_by;
    if in_terms_of_bare {
        println!("the baseline is of {made_by}; compared are counts divided by the bare loop's");
    }
    println!(
        "{:34} {:^19}  {:^19}  {:^19}  read/bare whole/bare",
        tools, "bare", "read", "whole"
    );
    let mut grown = Vec::new();
    for (name, now) in counted()? {
        let Some((_, before)) = baseline.iter().find(|(row, _)| *row == name) else {
            grown.push(format!("{name}: not in the baseline"));
            continue;
        };
        let mut line = format!("{name:34}");
        for (index, part) in Part::ALL.into_iter().enumerate() {
            let value = |counts: &Counts| match in_terms_of_bare {
                true => counts[index] as f64 / counts[0] as f64,
                false => counts[index] as f64,
            };
            let growth = value(&now) / value(before) - 1.0;
            line += &format!(" {:>9} {:>+7.2} % ", now[index], growth * 100.0);
            if growth > TOLERANCE {
                let percent = growth * 100.0;
                grown.push(format!("{name}, {}: {percent:+.1} %", part.name()));
            }
        }
        let [bare, read, whole] = now.map(|count| count as f64);
        println!("{line} {:>9.2} {:>10.2}", read / bare, whole / bare);
    }
    if grown.is_empty() {
        return Ok(());
    }
    Err(format!(
        "more than in {BASELINE} (`make bench-baseline` if it must be):\n{}",
        grown.join("\n")
    ))
}

fn write() -> Result<(), String> {
    let mut text = format!("{}\n", tools()?);
    for (name, [bare, read, whole]) in counted()? {
        text += &format!("{bare:>12} {read:>12} {whole:>12} {name}\n");
    }
    fs::write(BASELINE, text).map_err(|error| format!("{BASELINE}: {error}"))
}

/// The tools that made the baseline, and its rows.
fn baseline() -> Result<(String, Vec<(String, Counts)>), String> {
    let text = fs::read_to_string(BASELINE).map_err(|error| format!("{BASELINE}: {error}"))?;
    let (tools, lines) = text.split_once('\n').unwrap_or_default();
    let rows = lines.lines().map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        let [bare, read, whole, name @ ..] = &words[..] else {
            return None;
        };
        let counts = [bare.parse().ok()?, read.parse().ok()?, whole.parse().ok()?];
        Some((name.join(" "), counts))
    });
    let rows = rows.collect::<Option<_>>();
    let rows = rows.ok_or_else(|| format!("{BASELINE}: expected three counts and a name"))?;
    Ok((tools.to_owned(), rows))
}

/// The counts of every row whose bodies are on this machine.
fn counted() -> Result<Vec<(String, Counts)>, String> {
    let mut counted = Vec::new();
    for row in rows(LONG) {
        if row.bodies().is_empty() {
            let why = format!("{}: no bodies in ../shared/callbacks", row.name);
            if env::var_os("CI").is_some() {
                return Err(why);
            }
            eprintln!("nothing shown: {why}");
            continue;
        }
        let mut counts = [0; 3];
        for (count, part) in counts.iter_mut().zip(Part::ALL) {
            let [few, more] = [FEW, MORE].map(|times| instructions(&row, part, times));
            *count = (more? - few?) / (MORE - FEW);
        }
        counted.push((row.name, counts));
    }
    Ok(counted)
}

/// What callgrind counts of this program running a part so many times.
fn instructions(row: &Row, part: Part, times: u64) -> Result<u64, String> {
    let program = env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--run", &row.name, part.name(), &times.to_string()])
        // The size of the environment moves the stack, and counts with it.
        .env_clear()
        .envs(env::var_os("PATH").map(|path| ("PATH", path)))
        .output()
        .map_err(|error| format!("valgrind cannot be run: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines()
        .filter(|_| output.status.success())
        .find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
        .ok_or_else(|| format!("valgrind counted nothing:\n{said}"))
}

/// The versions of all that counts depend on, but for the processor.
fn tools() -> Result<String, String> {
    let versions = [
        ("rustc", "--version"),
        ("getconf", "GNU_LIBC_VERSION"),
        ("valgrind", "--version"),
    ]
    .map(|(program, flag)| {
        let output = Command::new(program).arg(flag).output();
        let output = output.map_err(|error| format!("{program} cannot be run: {error}"))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    });
    let versions: Result<Vec<_>, String> = versions.into_iter().collect();
    Ok(versions?.join(", "))
}
