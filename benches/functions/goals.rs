//! What the function is to reach, beside what it does.

use std::fmt::{Result, Write};

use crate::{
    report::Report,
    tables::{CALLBACK, EMPTY, PEERS, binary, cpu_a_megabyte, megabytes, times_the_body},
};

/// One goal.
struct Goal {
    what: String,
    measured: f64,
    limit: Limit,
    unit: &'static str,
}

enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

/// Each goal with its figure, and whether it is met.
pub(crate) fn table(report: &Report, f: &mut impl Write) -> Result {
    f.write_str("| goal | limit | measured | |\n|---|---|---|---|\n")?;
    let goals = beside_empty(report)
        .into_iter()
        .chain(beside_peers(report))
        .chain(large_bodies(report));
    for goal in goals {
        let (limit, is_met) = match goal.limit {
            Limit::AtMost(limit) => (format!("≤ {limit}"), goal.measured <= limit),
            Limit::AtLeast(limit) => (format!("≥ {limit}"), goal.measured >= limit),
        };
        let met = if is_met { "met" } else { "**missed**" };
        let Goal { what, unit, .. } = goal;
        let measured = goal.measured;
        writeln!(
            f,
            "| {what} | {limit} {unit} | {measured:.2} {unit} | {met} |"
        )?;
    }
    f.write_char('\n')
}

fn beside_empty(report: &Report) -> Vec<Goal> {
    let (ours, empty) = (report.figures(CALLBACK), report.figures(EMPTY));
    let mut goals: Vec<_> = [
        ("init", ours.init / empty.init, 1.5),
        ("first call", ours.first / empty.first, 4.0),
        ("warm p50", ours.p50 / empty.p50, 4.0),
        ("CPU", ours.cpu / empty.cpu, 4.0),
        ("peak memory", ours.memory / empty.memory, 2.6),
    ]
    .map(|(what, measured, limit)| Goal {
        what: format!("{what}, the empty function's"),
        measured,
        limit: Limit::AtMost(limit),
        unit: "×",
    })
    .into();
    goals.push(Goal {
        what: "binary".to_owned(),
        measured: binary(report, CALLBACK),
        limit: Limit::AtMost(7.0),
        unit: "MiB",
    });
    goals
}

fn beside_peers(report: &Report) -> Vec<Goal> {
    let ours = report.figures(CALLBACK);
    let mut goals = Vec::new();
    for peer in PEERS {
        let name = report.functions.all()[peer].name;
        let peer = report.figures(peer);
        for (what, measured, limit) in [
            ("init is shorter than", peer.init / ours.init, 60.0),
            ("less CPU than", peer.cpu / ours.cpu, 5.5),
            ("less memory than", peer.memory / ours.memory, 5.0),
        ] {
            goals.push(Goal {
                what: format!("{what} the {name}'s"),
                measured,
                limit: Limit::AtLeast(limit),
                unit: "times",
            });
        }
    }
    goals
}

fn large_bodies(report: &Report) -> Vec<Goal> {
    let most = |figure: fn(&_) -> f64| report.large.iter().map(figure).fold(0.0, f64::max);
    let [small, .., large] = &report.large;
    // Twice the body may take twice the time, and a quarter more for the caches that it leaves.
    let growth = (large.time / small.time) / (megabytes(large) / megabytes(small));
    [
        (
            "peak memory of the largest body, the body's",
            times_the_body(large),
            14.0,
            "×",
        ),
        ("CPU of a large body a MB", most(cpu_a_megabyte), 60.0, "ms"),
        (
            "time of the largest body a MB, the smallest's",
            growth,
            1.25,
            "×",
        ),
    ]
    .map(|(what, measured, limit, unit)| Goal {
        what: what.to_owned(),
        measured,
        limit: Limit::AtMost(limit),
        unit,
    })
    .into()
}
