//! The function under load: a mix of callbacks at rising rates, or at one rate for a long time.
//!
//! `make load` starts instances of the function under a runtime API, a queue and a vault of its own,
//! and holds every message and every object against what the library makes of the same body. It ends
//! with 1 where anything was lost, changed or came twice, or memory grew. `docs/performance.md` says
//! what is measured and how.

#[path = "../harness/mod.rs"]
mod harness;

mod check;
mod instances;
mod line;
mod mix;
mod report;
mod services;
mod soak;
mod step;

use std::{env, process::ExitCode, time::Duration};

use check::Checked;
use harness::{machine, page};
use instances::Instances;
use line::Line;
use mix::Mix;
use services::Services;
use step::Step;

/// What the queue takes here, so low that a body of moderate size goes by way of the vault.
const QUEUE_MAX_BYTES: usize = 32 * 1024;

/// The first rate, in callbacks a second; each is twice the one before.
const FIRST_RATE: u64 = 100;

/// How long each rate lasts, and the calls before any is measured, in seconds.
const RATE_SECONDS: u64 = 5;
const WARM_UP_SECONDS: u64 = 2;

/// The rate of a soak, in callbacks a second.
const SOAK_RATE: u64 = 200;

/// A run's surroundings.
struct Run {
    line: Line,
    mix: Mix,
    services: Services,
    instances: Instances,
    /// The number of the next callback.
    next: u64,
    steps: Vec<(Step, Checked)>,
}

fn main() -> ExitCode {
    let soak = number("SOAK_SECONDS", 0);
    let count = number("INSTANCES", 2);
    let command = match soak {
        0 => "make load".to_owned(),
        seconds => format!("make load SOAK_SECONDS={seconds}"),
    };
    let mut text = machine::describe(&command);
    let mut run = Run::start(count as usize);
    text += &format!(
        "- {count} instances of the function, {} cases in the mix\n\n",
        run.mix.cases()
    );
    run.step(FIRST_RATE, WARM_UP_SECONDS, |_, _| {});
    let is_flat = match soak {
        0 => {
            run.rise();
            true
        }
        seconds => run.soak(seconds, &mut text),
    };
    run.end(if soak == 0 { "load" } else { "soak" }, text, is_flat)
}

/// A number from the environment.
fn number(name: &str, default: u64) -> u64 {
    match env::var(name) {
        Ok(text) if !text.is_empty() => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}: expected a number, but found {text}")),
        _ => default,
    }
}

impl Run {
    fn start(count: usize) -> Self {
        let line = Line::open();
        let (services, aws) = Services::start();
        Self {
            instances: Instances::start(count, line.address, &aws),
            line,
            mix: Mix::new(),
            services,
            next: 0,
            steps: Vec::new(),
        }
    }

    /// Whether it kept up.
    fn step(
        &mut self,
        rate: u64,
        seconds: u64,
        mut watch: impl FnMut(Duration, &Instances),
    ) -> bool {
        let instances = &mut self.instances;
        let step = Step::run(&self.line, &self.mix, self.next, rate, seconds, |time| {
            instances.check();
            watch(time, instances);
        });
        self.next += rate * seconds;
        let checked = Checked::of(&step.answers, &self.mix, &self.services);
        let keeps_up = step.keeps_up();
        self.steps.push((step, checked));
        keeps_up
    }

    /// Until it does not keep up.
    fn rise(&mut self) {
        let mut rate = FIRST_RATE;
        while self.step(rate, RATE_SECONDS, |_, _| {}) {
            rate *= 2;
        }
    }

    /// Whether memory stayed flat.
    fn soak(&mut self, seconds: u64, text: &mut String) -> bool {
        let mut samples = Vec::new();
        self.step(SOAK_RATE, seconds, |time, instances| {
            if time >= soak::INTERVAL * (samples.len() as u32 + 1) {
                samples.push(instances.memory());
            }
        });
        let thirds = soak::thirds(&samples);
        soak::table(thirds, text).expect("memory takes it");
        text.push('\n');
        soak::is_flat(thirds)
    }

    /// Prints what was found, and writes it onto the page if all is well.
    #[expect(clippy::print_stdout, reason = "a table for who ran it")]
    fn end(self, name: &str, mut text: String, is_flat: bool) -> ExitCode {
        // The first was to warm up; what it lost would count all the same.
        report::table(&self.steps[1..], &mut text).expect("memory takes it");
        match report::verdict(&self.steps) {
            Ok(verdict) if is_flat => {
                text += &verdict;
                println!("{text}");
                page::write(name, &text);
                ExitCode::SUCCESS
            }
            Ok(_) => {
                println!("{text}memory grew by more than a tenth");
                ExitCode::FAILURE
            }
            Err(problems) => {
                println!("{text}{problems}");
                ExitCode::FAILURE
            }
        }
    }
}
