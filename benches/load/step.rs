//! Callbacks at one rate, by the clock: they come whether the ones before have been answered or not.

use std::{
    sync::mpsc::RecvTimeoutError,
    thread,
    time::{Duration, Instant},
};

use crate::{
    harness::{
        bodies,
        figures::{milliseconds, percentile},
    },
    line::{Answer, Arrival, Line},
    mix::Mix,
};

/// How long nothing may happen while callbacks wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the watch looks.
const LOOK: Duration = Duration::from_secs(1);

/// How much longer the answers may take than the arrivals before it is too much.
const LAG: f64 = 1.05;

pub(crate) struct Step {
    /// Callbacks a second.
    pub(crate) rate: u64,
    /// Over which they came.
    seconds: u64,
    /// From the first arrival to the last answer.
    time: Duration,
    pub(crate) answers: Vec<Answer>,
}

impl Step {
    /// Posts the callbacks from number `first` on, and waits for all answers. `watch` is called about
    /// every second.
    pub(crate) fn run(
        line: &Line,
        mix: &Mix,
        first: u64,
        rate: u64,
        seconds: u64,
        mut watch: impl FnMut(Duration),
    ) -> Self {
        let begin = Instant::now();
        let count = rate * seconds;
        let arrivals = line.arrivals.clone();
        let clock = move || {
            for place in 0..count {
                let number = first + place;
                let event = bodies::event(&mix.body(number));
                let due = begin + Duration::from_secs_f64(place as f64 / rate as f64);
                thread::sleep(due.saturating_duration_since(Instant::now()));
                let arrival = Arrival { number, event, due };
                arrivals.send(arrival).expect("the line is open");
            }
        };
        let mut answers = Vec::with_capacity(count as usize);
        let mut last = Instant::now();
        let mut looked = begin;
        thread::scope(|scope| {
            scope.spawn(clock);
            while answers.len() < count as usize {
                match line.answers.recv_timeout(LOOK) {
                    Ok(answer) => {
                        answers.push(answer);
                        last = Instant::now();
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(error) => panic!("expected that the line stays open, but found {error}"),
                }
                if looked.elapsed() >= LOOK {
                    looked = Instant::now();
                    watch(begin.elapsed());
                }
                let missing = count as usize - answers.len();
                assert!(
                    last.elapsed() < PATIENCE,
                    "expected an answer, but {missing} callbacks have none"
                );
            }
        });
        Self {
            rate,
            seconds,
            time: last - begin,
            answers,
        }
    }

    /// Whether the answers did not fall behind.
    pub(crate) fn keeps_up(&self) -> bool {
        self.time.as_secs_f64() <= self.seconds as f64 * LAG
    }

    /// Answers a second.
    pub(crate) fn throughput(&self) -> f64 {
        self.answers.len() as f64 / self.time.as_secs_f64()
    }

    /// In milliseconds.
    pub(crate) fn percentile(&self, part: f64) -> f64 {
        let times: Vec<_> = self.answers.iter().map(|answer| answer.took).collect();
        milliseconds(percentile(&times, part))
    }
}
