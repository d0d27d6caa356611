//! Cold starts, warm calls, CPU and memory of the function, beside an empty one and two peers.
//!
//! `make bench` prints the result and writes it into `docs/performance.md`, which says what is measured
//! and how. The runtime API, the queue and the vault are threads of this process that speak plain HTTP,
//! or TLS where that is measured, and write each answer in one packet. What they take is in every
//! number; `nothing.rs` measures it.

#[path = "../harness/mod.rs"]
mod harness;

mod aws;
mod function;
mod goals;
mod measure;
mod nothing;
mod peers;
mod report;
mod running;
mod runtime_api;
mod tables;
mod tls;

use std::env;

use function::{Function, Functions};
use harness::{bodies, machine, page};
use measure::{Cold, Large, Warm};
use report::{Burst, Report};
use running::Running;

/// Warm calls of each function.
const CALLS: usize = 5000;

/// Warm calls of each function with a burst.
const BURST_CALLS: usize = 500;

/// Jobs in a burst's callback: as many as the queue takes in one call.
const BURST_JOBS: usize = 10;

/// Sizes of large bodies, in bytes. A function URL takes no more than the last in base64.
const LARGE: [usize; 3] = [1_100_000, 2_200_000, 4_400_000];

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let end = match arguments[..] {
        [nothing::ARGUMENT] => nothing::run(None),
        [nothing::ARGUMENT_QUEUE, queue] => nothing::run(Some(queue)),
        _ => return bench(),
    };
    end.expect("the harness ends it");
}

#[expect(clippy::print_stdout, reason = "a table for who ran it")]
fn bench() {
    let machine = machine::describe("make bench") + &peers::describe();
    let functions = Functions::new(&aws::plain());
    let tls = tls::prepare();
    let aws_with_tls = aws::behind_tls(tls.server);
    let with_tls = [
        (
            "callback, TLS, short list",
            "AWS_CA_BUNDLE",
            &tls.short_list,
        ),
        ("callback, TLS, system's", "SSL_CERT_FILE", &tls.system),
    ];
    let with_tls = with_tls.map(|(name, variable, bundle)| {
        Function::callback_with_tls(name, &aws_with_tls, variable, bundle)
    });
    let event = bodies::event(&bodies::task());
    let burst = bodies::event(&bodies::tasks(BURST_JOBS));

    let sending = [&functions.callback, &functions.python, &functions.node];
    for function in sending {
        check(function, &event, 1);
        check(function, &burst, BURST_JOBS);
    }
    let all = functions.all();
    let starting: Vec<&Function> = all.into_iter().chain(&with_tls).collect();
    let mut cold = Cold::of(&starting, &event);
    let cold_with_tls = cold.split_off(all.len());
    let report = Report {
        cold,
        cold_with_tls,
        certificates: [tls.short_list.certificates, tls.system.certificates],
        warm: Warm::of(&all, &event, CALLS),
        burst: Burst {
            names: sending.map(|function| function.name),
            jobs: BURST_JOBS,
            warm: Warm::of(&sending, &burst, BURST_CALLS),
        },
        large: LARGE.map(|bytes| Large::of(&functions.callback, bytes)),
        functions,
    };
    let text = format!("{machine}\n{report}");
    println!("{text}");
    page::write("bench", &text);
}

/// A function that is fast because it sends nothing is not measured.
fn check(function: &Function, event: &str, jobs: usize) {
    let before = aws::messages();
    Running::start(function).call(event);
    let sent = aws::messages() - before;
    let name = function.name;
    assert_eq!(sent, jobs, "expected a message a job of {name}");
}
