//! Counts the instructions of reading with callgrind, and compares them with a committed baseline.
//!
//! `make bench-check` fails if a count has grown by over 5 %; `make bench-check WRITE=1` replaces the
//! baseline. Callgrind runs this program with one body and one part of the work, once and several
//! times; the difference leaves out the start. It has no SHA instructions, so that digests, of which
//! moderation needs one a job, weigh more than on a real processor.

use std::{env, fs, hint::black_box, iter, path::PathBuf, process::Command};

use benches::{case, in_repository, transcript};
use cloud_infinite_callback::{callback::Payload, event};
use quick_xml::{Reader, events::Event};
use serde::de::IgnoredAny;
use testkit::bodies::{snapshot, tasks, to_json, to_xml};

/// How much a count may grow. Two runs of one program differ by less than 0.01 %, two builds of the
/// same code by up to 0.7 %.
const TOLERANCE: f64 = 0.05;

/// Runs of which the difference is counted; only the first touches new memory.
const FEW: u64 = 1;
const MORE: u64 = 5;

/// One case of each family and format, and generated bodies of some 100 KB.
const BODIES: [&str; 11] = [
    "task/ok_task_transcode.xml",
    "task/ok_task_transcode.json",
    "workflow/ok_workflow_with_outputs.xml",
    "workflow/ok_workflow_with_outputs.json",
    "moderation/ok_moderation_video.xml",
    "moderation/ok_moderation_video.json",
    "moderation/ok_moderation_simple_text_hit.json",
    "transcript.xml",
    "transcript.json",
    "tasks.xml",
    "tasks.json",
];

/// Sentences and jobs of the generated bodies.
const SENTENCES: usize = 500;
const JOBS: u32 = 60;

/// What is counted: an empty loop over quick-xml's events or serde_json's values, reading the tree,
/// and all from the body to its messages.
const PARTS: [&str; 3] = ["bare", "read", "whole"];

/// The instructions of each part.
type Counts = [u64; 3];

fn main() -> Result<(), String> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => check(),
        ["--write"] => write(),
        [name, part, times] => {
            let body = body(name);
            for _ in 0..times.parse().expect("a number") {
                run(part, black_box(&body));
            }
            Ok(())
        }
        _ => Err("expected no argument, or --write".to_owned()),
    }
}

fn body(name: &str) -> Vec<u8> {
    match name {
        "transcript.xml" => to_xml(&transcript(SENTENCES)),
        "transcript.json" => to_json(&transcript(SENTENCES)),
        "tasks.xml" => to_xml(&tasks((0..JOBS).map(snapshot))),
        "tasks.json" => to_json(&tasks((0..JOBS).map(snapshot))),
        _ => case(name).into_bytes(),
    }
}

fn run(part: &str, body: &[u8]) {
    match part {
        "bare" if body.starts_with(b"<") => {
            let mut reader = Reader::from_reader(body);
            let mut next = || black_box(reader.read_event().expect("well-formed XML"));
            while next() != Event::Eof {}
        }
        "bare" => {
            black_box(serde_json::from_slice::<IgnoredAny>(body).expect("valid JSON"));
        }
        "read" => {
            black_box(Payload::read(body).expect("a readable body"));
        }
        _ => {
            let Payload::Callback(callback) = Payload::read(body).expect("a readable body") else {
                panic!("expected a callback, but found the probe")
            };
            for event in event::events(&callback) {
                black_box(event::to_json(&event));
            }
        }
    }
}

#[expect(clippy::print_stdout, reason = "the program's output")]
fn check() -> Result<(), String> {
    let text = fs::read_to_string(baseline()).expect("the baseline is committed");
    let (made_with, lines) = text.split_once('\n').unwrap_or_default();
    let tools = tools()?;
    // Other tools change all counts, those of the bare loop too: its multiples are still comparable.
    let is_relative = tools != made_with;
    println!("{tools}");
    if is_relative {
        println!("the baseline was made with {made_with}: multiples of the bare loop are compared");
    }
    let mut grown = Vec::new();
    for name in BODIES {
        let before = lines.lines().find_map(|line| parse(line, name));
        let before = before.ok_or_else(|| format!("{name} is not in the baseline"))?;
        let now = count(name)?;
        let mut line = format!("{name:46}");
        for (place, part) in PARTS.iter().enumerate() {
            let value = |counts: Counts| {
                counts[place] as f64 / if is_relative { counts[0] as f64 } else { 1.0 }
            };
            let growth = value(now) / value(before) - 1.0;
            line += &format!(" {part} {:>9} {:>+7.2} %", now[place], growth * 100.0);
            if growth > TOLERANCE {
                grown.push(format!("{name}, {part}: {:+.1} %", growth * 100.0));
            }
        }
        println!("{line}, {:.1} × bare", now[2] as f64 / now[0] as f64);
    }
    match grown.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "more instructions than the baseline: {}",
            grown.join("; ")
        )),
    }
}

/// Replaces the baseline: a line with the tools, and one for each body.
fn write() -> Result<(), String> {
    let mut text = tools()? + "\n";
    for name in BODIES {
        let [bare, read, whole] = count(name)?;
        text += &format!("{bare:>12} {read:>12} {whole:>12} {name}\n");
    }
    fs::write(baseline(), text).map_err(|error| error.to_string())
}

fn baseline() -> PathBuf {
    in_repository("benches/instructions.txt")
}

/// The counts in a line of the baseline, if it is that of this body.
fn parse(line: &str, name: &str) -> Option<Counts> {
    let mut counts = line.strip_suffix(name)?.split_whitespace();
    let mut next = || counts.next()?.parse().ok();
    Some([next()?, next()?, next()?])
}

fn count(name: &str) -> Result<Counts, String> {
    let mut counts = [0; 3];
    for (count, part) in iter::zip(&mut counts, PARTS) {
        let few = instructions(name, part, FEW)?;
        *count = (instructions(name, part, MORE)? - few) / (MORE - FEW);
    }
    Ok(counts)
}

/// Runs this program under callgrind.
fn instructions(name: &str, part: &str, times: u64) -> Result<u64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().expect("a program has a file"))
        .args([name, part, &times.to_string()])
        // The size of the environment moves the stack, and the counts with it.
        .env_clear()
        .envs(env::var_os("PATH").map(|path| ("PATH", path)))
        .output()
        .map_err(|error| format!("valgrind cannot be run: {error}"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    let collected = log.lines().find_map(|line| line.split_once("Collected : "));
    let count = collected.and_then(|(_, count)| count.trim().parse().ok());
    let count = count.filter(|_| output.status.success());
    count.ok_or_else(|| format!("valgrind counted nothing:\n{log}"))
}

/// Returns the versions of all that counts depend on, except for the processor.
fn tools() -> Result<String, String> {
    let versions = [
        ("rustc", "--version"),
        ("getconf", "GNU_LIBC_VERSION"),
        ("valgrind", "--version"),
    ];
    let versions = versions.map(|(program, flag)| {
        let output = Command::new(program).arg(flag).output();
        let output = output.map_err(|error| format!("{program} cannot be run: {error}"))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    });
    Ok(versions
        .into_iter()
        .collect::<Result<Vec<_>, String>>()?
        .join(", "))
}
