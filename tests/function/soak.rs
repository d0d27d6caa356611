//! Tests the behaviour of the function after thousands of calls, with a steady load on several processes.

use std::{env, ops::Range, time::Duration};

use futures_util::future::join_all;
use testkit::{
    bodies::{failed, in_workflow, large, snapshot, tasks, to_json, to_xml, verdict, workflow},
    fake_aws::{FakeAws, Reply},
    function::Function,
    function_url::{post_json, post_xml},
};

/// The duration of the test if `SOAK_SECONDS` is not set.
const SECONDS: u32 = 60;

/// The number of processes, and the number of callbacks per second and process.
const INSTANCES: u32 = 2;
const RATE: u32 = 50;

/// The limit of a message, which is small enough that moderately large messages use the vault.
const QUEUE_MAX_BYTES: usize = 32 * 1024;

/// The first replies of the queue in each second.
const FAULTS: &[Reply] = &[
    Reply::Error(503, "ServiceUnavailable"),
    Reply::FailEntries(&[0]),
];

/// The additional memory that the last third of the time may use, compared with the first third.
const MAX_GROWTH: f64 = 1.1;

#[tokio::test]
#[ignore = "takes a minute: SOAK_SECONDS=60 cargo test --release --test function -- --ignored soak"]
async fn every_accepted_job_is_queued_once_and_memory_stays_flat() {
    let seconds = env::var("SOAK_SECONDS").map_or(SECONDS, |text| text.parse().expect("a number"));
    let aws = FakeAws::start().await;
    let settings = aws
        .settings()
        .with("VAULT_BUCKET", "vault")
        .with("QUEUE_MAX_BYTES", &QUEUE_MAX_BYTES.to_string());
    let instances = (0..INSTANCES).map(|_| crate::start(settings.clone()));
    let instances = join_all(instances).await;
    let mut memory = Vec::new();
    for second in 0..seconds {
        aws.change(FAULTS, Reply::Accept);
        let posts = instances.iter().zip(0..).map(|(function, instance)| {
            let first = (second * INSTANCES + instance) * RATE;
            post(function, &aws, first..first + RATE)
        });
        let mut accepted = join_all(posts).await.concat();
        let mut queued = aws.drain();
        accepted.sort();
        queued.sort();
        assert_eq!(queued, accepted, "in second {second}");
        let bytes = instances.iter().map(|function| function.memory("VmRSS"));
        memory.push(bytes.sum::<u64>());
    }
    // The start is excluded, because connections and buffers are still created.
    let warm = &memory[memory.len() / 10..];
    let third = warm.len() / 3;
    let [first, last] = [&warm[..third], &warm[2 * third..]]
        .map(|part| *part.iter().max().expect("SOAK_SECONDS is at least 3"));
    let growth = last as f64 / first as f64;
    eprintln!(
        "{INSTANCES} processes: {first} bytes at first, {growth:.3} times as much at the end"
    );
    assert!(growth <= MAX_GROWTH, "memory grew: {memory:?}");
}

/// Posts the callbacks with these numbers evenly within one second, and returns the ids that were accepted.
async fn post(function: &Function, aws: &FakeAws, numbers: Range<u32>) -> Vec<String> {
    let mut clock = tokio::time::interval(Duration::from_secs(1) / RATE);
    let mut accepted = Vec::new();
    for number in numbers {
        clock.tick().await;
        let (body, is_xml, jobs) = callback(number);
        let event = if is_xml {
            post_xml(&body)
        } else {
            post_json(&body)
        };
        let answer = function.call(&event).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        if jobs == 0 {
            let key = answer.json()["quarantined"].as_str().map(str::to_owned);
            let key = key.expect("an unreadable body is quarantined");
            assert_eq!(aws.objects()[&key].body, body, "{key}");
            continue;
        }
        let ids: Vec<String> = serde_json::from_value(answer.json()["ids"].take()).expect("ids");
        assert_eq!(ids.len(), jobs, "callback {number}");
        accepted.extend(ids);
    }
    accepted
}

/// Returns the body with this number, whether it is XML, and its number of jobs. Each job belongs to only one
/// number.
fn callback(number: u32) -> (Vec<u8>, bool, usize) {
    let job = number * 10;
    let run_id = format!("i{number:032x}");
    let is_xml = number.is_multiple_of(3);
    let (value, jobs) = match number % 50 {
        // Batches are sent first, so that the faults of the queue affect them.
        0 | 25 => (tasks((job..job + 10).map(snapshot)), 10),
        10 => (tasks([large(job, 2 * QUEUE_MAX_BYTES)]), 1),
        20 => (tasks([snapshot(job)]), 0),
        place => match place % 5 {
            0 => (tasks([snapshot(job)]), 1),
            1 => (tasks([failed(job)]), 1),
            2 => (tasks([in_workflow(job, &run_id)]), 1),
            3 => (workflow(&run_id), 1),
            _ => return (to_json(&verdict(&run_id)), false, 1),
        },
    };
    let mut body = if is_xml {
        to_xml(&value)
    } else {
        to_json(&value)
    };
    if jobs == 0 {
        body.truncate(body.len() / 2);
    }
    (body, is_xml, jobs)
}
