//! Counts the CPU instructions of the function with callgrind, and prints in which part they are executed.
//!
//! Callgrind runs the function with no call, with one, and with several; the differences are the first call
//! and the warm calls. It lacks the SHA instructions that Lambda's processors have, so SHA-256 is counted
//! apart. The endpoints are `http:`, so TLS is not counted.

use std::{collections::BTreeMap, fs, process::Command};

use benches::{FUNCTIONS, TASK, built, call, case, print, start};
use testkit::{
    bodies::{snapshot, tasks, to_json, to_xml, verdict, workflow},
    fake_aws::FakeAws,
    function::TIMEOUT,
    function_url::post_xml,
    runtime_api::RuntimeApi,
};

/// The limit for a warm call with [`TASK`], without SHA-256. Builds of the same code differ by 1 %.
const MAX_WARM_CALL: i64 = 820_000;

/// Warm calls in one run. Their hash tables have different seeds, so calls differ by 1 %.
const CALLS: i64 = 20;

/// The crates and modules that parse a body.
const READERS: [&str; 3] = ["quick-xml", "memchr", "src/callback"];

/// The smallest count of a part that is printed.
const MIN_PRINTED: i64 = 4_000;

/// Instructions by part: a crate, or a module of this project.
type Counts = BTreeMap<String, i64>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), String> {
    let aws = FakeAws::start().await;
    let task = case(TASK);
    let event = post_xml(&task).to_string();
    print("| thousand instructions | init | first call | warm call | of it SHA-256 |");
    print("|---|--:|--:|--:|--:|");
    let mut warm = Counts::new();
    for function in FUNCTIONS {
        let init = total(&count(function, &event, 0, &aws).await?);
        let first = total(&count(function, &event, 1, &aws).await?) - init;
        warm = warm_call(function, &event, &aws).await?;
        let figures = [init, first, total(&warm), sha256(&warm)];
        print(&row(function, &figures));
    }
    print("\n| part of a warm call | thousand instructions |\n|---|--:|");
    let mut parts: Vec<_> = warm
        .iter()
        .filter(|(_, count)| **count >= MIN_PRINTED)
        .collect();
    parts.sort_by_key(|(_, count)| -**count);
    for (part, count) in parts {
        print(&row(part, &[*count]));
    }
    print("\n| body | warm call without SHA-256 | of it reading |\n|---|--:|--:|");
    let ten = tasks((0..10).map(snapshot));
    for (name, body) in [
        ("transcoding task, XML", task),
        ("10 tasks, XML", to_xml(&ten)),
        ("10 tasks, JSON", to_json(&ten)),
        ("workflow, XML", to_xml(&workflow("w1"))),
        ("workflow, JSON", to_json(&workflow("w1"))),
        ("moderation, JSON", to_json(&verdict("t1"))),
    ] {
        let counts = warm_call("callback", &post_xml(&body).to_string(), &aws).await?;
        let reading = READERS.iter().filter_map(|part| counts.get(*part)).sum();
        let without_sha256 = total(&counts) - sha256(&counts);
        let name = format!("{name}, {} bytes", body.len());
        print(&row(&name, &[without_sha256, reading]));
    }
    match total(&warm) - sha256(&warm) {
        count if count <= MAX_WARM_CALL => Ok(()),
        count => Err(format!(
            "a warm call executes {count} instructions without SHA-256, more than {MAX_WARM_CALL}"
        )),
    }
}

/// Returns the counts of one warm call.
async fn warm_call(function: &str, event: &str, aws: &FakeAws) -> Result<Counts, String> {
    let one = count(function, event, 1, aws).await?;
    let mut counts = count(function, event, 1 + CALLS, aws).await?;
    for (part, count) in &mut counts {
        *count = (*count - one.get(part).unwrap_or(&0)) / CALLS;
    }
    Ok(counts)
}

/// Returns the counts of a function from its start to the end of its last call.
async fn count(function: &str, event: &str, calls: i64, aws: &FakeAws) -> Result<Counts, String> {
    let file = built().join("callgrind.out");
    // A file of an earlier run must not be read instead.
    let _ = fs::remove_file(&file);
    let mut valgrind = Command::new("valgrind");
    valgrind
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(built().join(function));
    let (mut function, _) = start(&mut valgrind, aws).await;
    for _ in 0..calls {
        call(&function, event).await;
        aws.drain();
    }
    // Without its runtime API the function ends, and callgrind writes the file.
    function.api = RuntimeApi::start().await;
    let (_, output) = function.exit(TIMEOUT).await;
    let profile = fs::read_to_string(&file);
    let profile = profile.map_err(|error| format!("{error}\n{}", output.stderr))?;
    Ok(parse(&profile))
}

/// A place in callgrind's profile.
#[derive(Default)]
struct Place<'a> {
    object: &'a str,
    /// The file of the function, and the file of the line, which differs where a function is inlined.
    file: &'a str,
    line_file: &'a str,
    function: &'a str,
}

/// Adds up a profile by part. The format: <https://valgrind.org/docs/manual/cl-format.html>.
///
/// Inlined code of the standard library counts for the function that contains it, and the C library for its
/// callers.
fn parse(profile: &str) -> Counts {
    let mut counts = Counts::new();
    let mut names = BTreeMap::new();
    let (mut here, mut callee, mut is_call) = (Place::default(), Place::default(), false);
    for line in profile.lines() {
        if let Some(Ok(total)) = line.strip_prefix("totals: ").map(str::parse::<i64>) {
            let counted: i64 = counts.values().sum();
            counts.insert("dynamic linker".to_owned(), total - counted);
        }
        let Some((key, value)) = line.split_once('=') else {
            let cost = line.split_once(' ').map(|(_, cost)| cost.parse::<i64>());
            if let Some(Ok(cost)) = cost.filter(|_| !line.contains(':')) {
                if !here.is_leaf() && (!is_call || callee.is_leaf()) {
                    *counts.entry(here.part()).or_default() += cost;
                }
                (is_call, callee.object) = (false, here.object);
            }
            continue;
        };
        // `fn=(7) name` defines a number, which `fn=(7)` and `cfn=(7)` refer to.
        let kind = match key.trim_start_matches('c') {
            "ob" | "fn" => key.trim_start_matches('c'),
            _ => "file",
        };
        let (number, name) = value.split_once(' ').unwrap_or((value, ""));
        let entry = names.entry((kind, number)).or_insert(name);
        let name = *entry;
        match key {
            "ob" => (here.object, callee.object) = (name, name),
            "fl" => (here.file, here.line_file) = (name, name),
            "fi" | "fe" => here.line_file = name,
            "fn" => here.function = name,
            "cob" => callee.object = name,
            "cfn" => callee.function = name,
            "calls" => is_call = true,
            _ => {}
        }
    }
    counts
}

impl Place<'_> {
    /// Returns whether the place counts for its callers: the C library, and functions that it is called through.
    fn is_leaf(&self) -> bool {
        let is_main = ["(below main)", "__libc_start"];
        let is_through = ["alloc::raw_vec", "core::str", "__rustc"];
        let is = |prefixes: &[&str]| prefixes.iter().any(|it| self.function.starts_with(it));
        !is(&is_main) && (self.object.contains(".so") || is(&is_through))
    }

    fn part(&self) -> String {
        let part = part(self.line_file).or_else(|| part(self.file));
        part.unwrap_or_else(|| "standard library".to_owned())
    }
}

/// Returns the crate of a source file, or the module of this project. The standard library has none.
fn part(file: &str) -> Option<String> {
    if let Some((_, path)) = file.split_once("/registry/src/") {
        let (name, _version) = path.split('/').nth(1)?.rsplit_once('-')?;
        return Some(name.to_owned());
    }
    let root = env!("CARGO_MANIFEST_DIR").trim_end_matches("benches");
    let module: Vec<_> = file.strip_prefix(root)?.split('/').take(2).collect();
    Some(module.join("/").trim_end_matches(".rs").to_owned())
}

fn total(counts: &Counts) -> i64 {
    counts.values().sum()
}

fn sha256(counts: &Counts) -> i64 {
    counts.get("sha2").copied().unwrap_or_default()
}

/// Returns a row of a table, with counts in thousands.
fn row(name: &str, counts: &[i64]) -> String {
    let thousands = counts
        .iter()
        .map(|count| format!(" {} |", (count + 500) / 1000));
    format!("| {name} |{}", thousands.collect::<String>())
}
