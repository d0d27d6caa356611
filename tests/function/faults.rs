//! Tests every fault of the queue in every state of the vault: no callback is lost.
//!
//! Each fault is tested with a body of one job, and with a body of twelve jobs, which requires two batches. One
//! function checks the invariant of all cases.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use testkit::{
    bodies::{event_id, snapshot, tasks, to_json},
    fake_aws::{FakeAws, RecordedObject, Reply, VaultReply},
    function_url::{FunctionUrlResponse, post_json},
    runtime_api::InvocationResult,
    server,
};
use tokio::{sync::Semaphore, task::JoinSet};

/// The queue's time budget for permanent faults.
const BUDGET: Duration = Duration::from_millis(500);

/// The queue's time budget for temporary faults, which is long enough for a busy machine.
const LONG_BUDGET: Duration = Duration::from_secs(4);

/// The vault's time: `vault::BUDGET`.
const VAULT_BUDGET: Duration = Duration::from_millis(1500);

/// The delay that a busy machine may add while several functions start.
const SLACK: Duration = Duration::from_secs(3);

/// The number of rows that run at the same time.
const AT_ONCE: usize = 6;

/// The number of jobs in a body with two batches.
const MANY: u32 = 12;

/// More calls than retries with back-off within [`BUDGET`].
const MAX_CALLS: usize = 20;

/// More failed calls than the retry quota of the SDK allows.
const OUTAGE_CALLS: usize = 150;

/// A fault.
#[derive(Clone, Debug)]
enum Fault {
    /// The queue's first reply, if it differs, and the reply to every later call.
    Queue(Option<Reply>, Reply),
    /// No server listens at the queue's address.
    Refused,
    /// Connections to the queue are closed after the first byte.
    Resetting,
    /// The body is unreadable.
    Unreadable,
}

/// The reply of the vault, if one is configured.
type Vault = Option<VaultReply>;

fn stores(vault: Vault) -> bool {
    matches!(vault, Some(VaultReply::Accept | VaultReply::Once(..)))
}

/// The expected result of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// 200, and every job is on the queue.
    Published,
    /// 200, and the body is in the vault.
    Quarantined,
    /// 503, and the body is in the vault, if the vault works.
    Spilled,
    /// The same as above after this number of calls to the queue, because retries would fail.
    SpilledAfter(usize),
}

/// A fault with its name, whether it affects only batches, and the expected result.
type Case = (&'static str, Fault, bool, Expected);

/// Returns a fault of any call.
fn row(name: &'static str, fault: Fault, expected: Expected) -> Case {
    (name, fault, false, expected)
}

/// Returns a fault of entries of a batch.
fn batch(name: &'static str, fault: Fault, expected: Expected) -> Case {
    (name, fault, true, expected)
}

fn faults() -> Vec<Case> {
    use Expected::{Published, Quarantined, Spilled, SpilledAfter};
    use Reply::{
        Accept, Anonymous, Blank, Contradict, Error, FailEntries, Garble, Late, LoseEntries,
        RefuseEntries, Silence,
    };
    let once = |reply| Fault::Queue(Some(reply), Accept);
    let always = |reply| Fault::Queue(None, reply);
    let unavailable = || Error(503, "ServiceUnavailable");
    let failing = || Error(500, "InternalFailure");
    let throttled = || Error(400, "RequestThrottled");
    let missing = || Error(400, "QueueDoesNotExist");
    let throttled_by_kms = Error(400, "KMS.ThrottlingException");
    let throttled_entry = RefuseEntries(&[1], "RequestThrottled");
    let second_missing = Fault::Queue(Some(Accept), missing());
    let denied = always(Error(403, "AccessDeniedException"));
    let expired = always(Error(403, "ExpiredToken"));
    let refused = always(RefuseEntries(&[1], "InvalidAttributeName"));
    vec![
        row("none", always(Accept), Published),
        row("slow", always(Late(150)), Published),
        row("first unavailable", once(unavailable()), Published),
        row("first failing", once(failing()), Published),
        row("first throttled", once(throttled()), Published),
        row("first throttled by KMS", once(throttled_by_kms), Published),
        row("first too many requests", once(Error(429, "")), Published),
        row("first without a message id", once(Blank), Published),
        row("first not JSON", once(Garble), Published),
        batch("first entry throttled", once(throttled_entry), Published),
        batch(
            "first entries without ids",
            once(Anonymous(&[0, 9])),
            Published,
        ),
        batch("first entries fail", once(FailEntries(&[0, 9])), Published),
        batch("first entry lost", once(LoseEntries(&[3])), Published),
        batch("first contradicted", once(Contradict(&[3])), Published),
        row("refused", Fault::Refused, Spilled),
        row("resetting", Fault::Resetting, Spilled),
        row("hanging", always(Silence), Spilled),
        row("too slow", always(Late(5000)), Spilled),
        row("throttled", always(throttled()), Spilled),
        row("unavailable", always(unavailable()), Spilled),
        row("failing", always(failing()), Spilled),
        row("denied", denied, SpilledAfter(1)),
        row("missing", always(missing()), SpilledAfter(1)),
        row("expired credentials", expired, SpilledAfter(1)),
        row("not JSON", always(Garble), Spilled),
        row("an empty answer", always(Blank), Spilled),
        batch("failed entries", always(FailEntries(&[0])), Spilled),
        batch("refused entries", refused, SpilledAfter(1)),
        batch("lost entries", always(LoseEntries(&[0])), Spilled),
        batch("entries without ids", always(Anonymous(&[0])), Spilled),
        batch("contradicted", always(Contradict(&[0, 1])), Spilled),
        batch("second batch missing", second_missing, SpilledAfter(2)),
        row("unreadable", Fault::Unreadable, Quarantined),
    ]
}

/// The states of the vault that are tested with every fault.
const VAULTS: [Vault; 5] = [
    Some(VaultReply::Accept),
    Some(VaultReply::Error(403, "AccessDenied")),
    Some(VaultReply::Silence),
    Some(VaultReply::Error(404, "NoSuchBucket")),
    None,
];

/// The states of the vault that are tested with two faults, which both use the vault immediately.
const RARE_VAULTS: [Vault; 6] = [
    Some(VaultReply::Once(409, "OperationAborted")),
    Some(VaultReply::Once(429, "TooManyRequests")),
    Some(VaultReply::Once(403, "AccessDenied")),
    Some(VaultReply::Once(503, "SlowDown")),
    Some(VaultReply::Page(200)),
    Some(VaultReply::Page(204)),
];

/// The result of a case in one state of the vault, with a body of this number of jobs.
struct Row {
    name: String,
    jobs: u32,
    body: Vec<u8>,
    answer: FunctionUrlResponse,
    time: Duration,
    aws: FakeAws,
}

async fn try_fault(name: &str, fault: &Fault, vault: Vault, jobs: u32, expected: Expected) -> Row {
    let budget = match expected {
        Expected::Published => LONG_BUDGET,
        _ => BUDGET,
    };
    let (first, otherwise) = match fault {
        Fault::Queue(first, otherwise) => (first.as_slice(), otherwise.clone()),
        _ => (&[][..], Reply::Accept),
    };
    let aws = FakeAws::with_vault(first, otherwise, vault.unwrap_or(VaultReply::Accept)).await;
    let mut settings = aws
        .settings()
        .with("PUBLISH_BUDGET_MS", &budget.as_millis().to_string());
    if vault.is_some() {
        settings = settings.with("VAULT_BUCKET", "vault");
    }
    settings = match fault {
        Fault::Refused => settings.with("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9"),
        Fault::Resetting => {
            let address = server::resetting().await;
            settings.with("AWS_ENDPOINT_URL_SQS", &format!("http://{address}"))
        }
        _ => settings,
    };
    let mut body = to_json(&tasks((0..jobs).map(snapshot)));
    if matches!(fault, Fault::Unreadable) {
        body.truncate(body.len() - 10);
    }
    let function = crate::start(settings).await;
    // The start of the function is not measured. It ends with the first response.
    assert_eq!(function.call(&post_json(b"")).await.status, 400);
    let begin = Instant::now();
    let answer = function.call(&post_json(&body)).await;
    let name = format!("{name}, vault {vault:?}, {jobs} jobs");
    Row {
        name,
        jobs,
        body,
        answer,
        time: begin.elapsed(),
        aws,
    }
}

/// Checks the invariant: after 200, every job of the body is on the queue, or an identical body is in the
/// vault. After any other status, Tencent still has the callback.
fn assert_nothing_is_lost(row: &Row) {
    let taken = row.aws.taken();
    let is_on_queue = (0..row.jobs).all(|number| taken.contains(&event_id(number)));
    let is_kept = row
        .aws
        .objects()
        .values()
        .any(|object| object.body == row.body);
    match row.answer.status {
        200 => assert!(is_on_queue || is_kept, "{}: lost", row.name),
        400..=499 | 503 => {}
        status => panic!("{}: answered {status}", row.name),
    }
}

fn assert_expected(row: &Row, expected: Expected, vault: Vault) {
    let stores = stores(vault);
    let (status, folder) = match expected {
        Expected::Published => (200, None),
        Expected::Quarantined if stores => (200, Some("quarantine/")),
        Expected::Quarantined => (503, None),
        Expected::Spilled | Expected::SpilledAfter(_) => (503, stores.then_some("spill/")),
    };
    let (name, answer) = (&row.name, &row.answer);
    assert_eq!(answer.status, status, "{name}: {answer:?}");
    assert_eq!(
        answer.header("retry-after").is_some(),
        status == 503,
        "{name}"
    );
    let objects: Vec<(String, RecordedObject)> = row.aws.objects().into_iter().collect();
    match (folder, &objects[..]) {
        (None, []) => {}
        (Some(folder), [(key, object)]) => {
            assert!(key.starts_with(folder), "{name}: {key}");
            assert_eq!(object.body, row.body, "{name}: the received body");
            assert_eq!(object.content_type, "application/json", "{name}");
            assert!(!object.reason.is_empty(), "{name}");
            if folder == "quarantine/" {
                assert_eq!(
                    answer.json(),
                    serde_json::json!({ "quarantined": key }),
                    "{name}"
                );
            }
        }
        _ => panic!("{name}: expected {folder:?}, but found {objects:?}"),
    }
    if expected == Expected::Published {
        assert_eq!(row.aws.taken().len() as u32, row.jobs, "{name}");
    }
    let calls = row.aws.calls().len();
    match expected {
        Expected::SpilledAfter(expected) => assert_eq!(calls, expected, "{name}"),
        _ => assert!(calls < MAX_CALLS, "{name}: {calls} calls to the queue"),
    }
    let limit = BUDGET + VAULT_BUDGET + SLACK;
    assert!(row.time < limit, "{name}: took {:?}", row.time);
}

#[tokio::test]
async fn no_fault_of_queue_or_vault_loses_a_callback() {
    let mut rows = Vec::new();
    for (name, fault, needs_batch, expected) in faults() {
        let rare: &[Vault] = match name {
            "missing" | "unreadable" => &RARE_VAULTS,
            _ => &[],
        };
        for vault in VAULTS.iter().chain(rare).copied() {
            for jobs in if needs_batch { &[MANY][..] } else { &[1, MANY] } {
                rows.push((name, fault.clone(), vault, *jobs, expected));
            }
        }
    }
    at_once(
        rows.into_iter()
            .map(|(name, fault, vault, jobs, expected)| async move {
                let row = try_fault(name, &fault, vault, jobs, expected).await;
                assert_nothing_is_lost(&row);
                assert_expected(&row, expected, vault);
            }),
    )
    .await;
}

/// Runs all cases, some of them concurrently, and reports all failures.
async fn at_once<T>(tried: impl IntoIterator<Item = T>)
where
    T: Future<Output = ()> + Send + 'static,
{
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let mut rows = JoinSet::new();
    for row in tried {
        let slots = Arc::clone(&slots);
        rows.spawn(async move {
            let _slot = slots.acquire_owned().await;
            row.await;
        });
    }
    let mut failed = 0;
    while let Some(row) = rows.join_next().await {
        // The panic message was already printed.
        failed += u32::from(row.is_err());
    }
    assert_eq!(failed, 0, "rows that failed");
}

/// The duration of an outage of the queue or the vault, in milliseconds.
const OUTAGES: [u64; 3] = [300, 800, 1500];

/// Budgets of the queue in milliseconds. Each is shorter than every outage, or longer by much more than a
/// back-off, so that the result does not depend on the speed of the machine.
const BUDGETS: [u64; 2] = [250, 4000];

#[tokio::test]
async fn queue_outage_within_its_budget_spills_nothing() {
    let mut tried = Vec::new();
    for millis in OUTAGES {
        for budget in BUDGETS {
            for (status, code) in [(400, "RequestThrottled"), (503, "ServiceUnavailable")] {
                let queue = Reply::Outage(millis, status, code);
                for jobs in [1, MANY] {
                    let body = to_json(&tasks((0..jobs).map(snapshot)));
                    let (vault, ends) = (VaultReply::Accept, millis < budget);
                    let expected = if ends { (200, 0) } else { (503, 1) };
                    tried.push(outage(queue.clone(), vault, budget, body, expected));
                }
            }
        }
    }
    at_once(tried).await;
}

#[tokio::test]
async fn vault_outage_within_its_budget_loses_nothing() {
    let mut tried = Vec::new();
    for millis in OUTAGES {
        for (status, code) in [
            (503, "SlowDown"),
            (409, "OperationAborted"),
            (403, "Denied"),
        ] {
            let vault = VaultReply::Outage(millis, status, code);
            let ends = Duration::from_millis(millis) < VAULT_BUDGET;
            let expected = if ends { (200, 1) } else { (503, 0) };
            tried.push(outage(Reply::Accept, vault, 4000, b"{".to_vec(), expected));
        }
    }
    at_once(tried).await;
}

/// Posts a body during an outage, and checks the status and the number of objects in the vault.
async fn outage(
    queue: Reply,
    vault: VaultReply,
    budget: u64,
    body: Vec<u8>,
    expected: (u64, usize),
) {
    let case = format!("{queue:?}, {vault:?}, {budget} ms, {} bytes", body.len());
    let aws = FakeAws::with_vault(&[], queue, vault).await;
    let settings = aws
        .settings()
        .with("VAULT_BUCKET", "vault")
        .with("PUBLISH_BUDGET_MS", &budget.to_string());
    let function = crate::start(settings).await;
    let answer = function.call(&post_json(&body)).await;
    assert_eq!((answer.status, aws.objects().len()), expected, "{case}");
}

#[tokio::test]
async fn the_log_says_what_the_queue_said_last_and_where_to_look() {
    let hint = "is the queue's own MaximumMessageSize below QUEUE_MAX_BYTES?";
    let cases = [
        (
            Reply::Error(400, "InvalidParameterValue"),
            1,
            format!("InvalidParameterValue: {hint}"),
        ),
        (
            Reply::RefuseEntries(&[1], "InvalidParameterValue"),
            2,
            format!("an entry was refused: InvalidParameterValue: {hint}"),
        ),
        (
            Reply::Error(400, "RequestThrottled"),
            1,
            "RequestThrottled; tried ".to_owned(),
        ),
        (Reply::Silence, 1, "request timed out after 4".to_owned()),
    ];
    for (reply, jobs, expected) in cases {
        let aws = FakeAws::scripted(&[], reply.clone()).await;
        let function = crate::start(aws.settings().with("PUBLISH_BUDGET_MS", "400")).await;
        let body = to_json(&tasks((0..jobs).map(snapshot)));
        assert_eq!(function.call(&post_json(&body)).await.status, 503);
        let output = function.stop().await;
        let is_logged = output.lines().any(|line| line.contains(&expected));
        assert!(is_logged, "{reply:?}: {output:?}");
    }
}

#[tokio::test]
async fn a_function_killed_at_any_stage_has_not_answered() {
    let body = post_json(&to_json(&tasks([snapshot(1)])));
    let broken = post_json(b"{");
    for stage in ["at once", "at the queue", "at the vault"] {
        let aws = FakeAws::with_vault(&[], Reply::Silence, VaultReply::Silence).await;
        let settings = aws.settings().with("VAULT_BUCKET", "vault");
        let mut function = crate::start(settings).await;
        assert_eq!(function.call(&post_json(b"")).await.status, 400);
        let answer = match stage {
            "at once" => function.invoke_and_kill(&body, async {}).await,
            "at the queue" => function.invoke_and_kill(&body, aws.sent_to()).await,
            _ => function.invoke_and_kill(&broken, aws.put_into()).await,
        };
        assert!(
            matches!(answer, InvocationResult::Silence),
            "{stage}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_costs_no_callback() {
    let aws = FakeAws::closing_after(Duration::from_millis(100)).await;
    let function = crate::start(aws.settings()).await;
    for number in 0..4 {
        let answer = function.post(&tasks([snapshot(number)])).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(aws.taken().len(), 4);
}

#[tokio::test]
async fn a_passing_fault_is_ridden_out_also_after_a_long_outage() {
    let unavailable = Reply::Error(503, "ServiceUnavailable");
    let aws = FakeAws::scripted(&[], unavailable.clone()).await;
    let function = crate::start(aws.settings().with("PUBLISH_BUDGET_MS", "200")).await;
    let body = post_json(&to_json(&tasks([snapshot(1)])));
    while aws.calls().len() < OUTAGE_CALLS {
        assert_eq!(function.call(&body).await.status, 503);
    }
    aws.change(&[unavailable], Reply::Accept);
    assert_eq!(function.call(&body).await.status, 200);
}

#[tokio::test]
async fn a_body_is_stored_and_answered_before_the_deadline() {
    let aws = FakeAws::with_vault(&[], Reply::Silence, VaultReply::Accept).await;
    let settings = aws
        .settings()
        .with("VAULT_BUCKET", "vault")
        .with("PUBLISH_BUDGET_MS", "60000");
    let function = crate::start(settings).await;
    // The first call is not measured, because the function may still be starting.
    assert_eq!(function.call(&post_json(b"")).await.status, 400);
    let deadline = Duration::from_secs(2);
    let body = to_json(&tasks([snapshot(1)]));
    let mut times = Vec::new();
    // A busy machine may delay one of them, but not all.
    while times.len() < 3 && times.iter().all(|time| *time >= deadline) {
        let begin = Instant::now();
        match function.invoke(&post_json(&body), deadline).await {
            InvocationResult::Response(response) => {
                assert_eq!(FunctionUrlResponse::of(&response).status, 503)
            }
            other => panic!("the function did not respond: {other:?}"),
        }
        times.push(begin.elapsed());
    }
    assert!(
        times.iter().any(|time| *time < deadline),
        "Lambda would have ended the function: {times:?}"
    );
    let objects = aws.objects();
    assert!(!objects.is_empty());
    assert!(objects.values().all(|object| object.body == body));
}

#[tokio::test]
async fn a_vault_too_slow_for_every_large_message_stores_the_body() {
    let vault = VaultReply::Late(400);
    let aws = FakeAws::with_vault(&[], Reply::Accept, vault).await;
    let settings = aws
        .settings()
        .with("VAULT_BUCKET", "vault")
        .with("QUEUE_MAX_BYTES", "8192");
    let function = crate::start(settings).await;
    let body = to_json(&tasks(
        (0..8).map(|number| testkit::bodies::large(number, 9000)),
    ));
    let answer = function.call(&post_json(&body)).await;
    assert_eq!(answer.status, 503);
    let objects = aws.objects();
    assert!(
        objects.values().any(|object| object.body == body),
        "{:?}",
        objects.keys()
    );
}

#[tokio::test]
async fn what_the_queue_says_in_headers_stays_out_of_the_log() {
    let aws = FakeAws::scripted(&[], Reply::Garble).await;
    let function = crate::start(aws.settings().with("PUBLISH_BUDGET_MS", "400")).await;
    let answer = function.post(&tasks([snapshot(1)])).await;
    assert_eq!(answer.status, 503);
    let output = function.stop().await;
    let lines: Vec<_> = output
        .lines()
        .filter(|line| line.contains("reason"))
        .collect();
    assert!(!lines.is_empty());
    for line in lines {
        assert!(
            !line.contains("content-length") && !line.contains("no JSON"),
            "{line}"
        );
    }
}

#[tokio::test]
async fn an_error_about_one_message_does_not_stop_the_others() {
    let refused: &[usize] = &[2];
    for (script, jobs, max_bytes, missing) in [
        (
            &[Reply::RefuseEntries(refused, "InvalidParameterValue")][..],
            (0..25).map(snapshot).collect::<Vec<_>>(),
            "1048576",
            2,
        ),
        (
            &[Reply::RefuseAll(
                refused,
                "InvalidParameterValue",
                "RequestThrottled",
            )],
            (0..4).map(snapshot).collect(),
            "1048576",
            2,
        ),
        // The message is too large, and no vault is configured.
        (
            &[],
            vec![snapshot(0), testkit::bodies::large(1, 9000), snapshot(2)],
            "8192",
            1,
        ),
    ] {
        let aws = FakeAws::scripted(script, Reply::Accept).await;
        let function = crate::start(aws.settings().with("QUEUE_MAX_BYTES", max_bytes)).await;
        let count = jobs.len() as u32;
        let answer = function.call(&post_json(&to_json(&tasks(jobs)))).await;
        assert!(answer.status >= 400, "{answer:?}");
        let expected = (0..count).filter(|number| *number != missing).map(event_id);
        assert_eq!(aws.taken(), expected.collect());
    }
}

#[tokio::test]
async fn a_permanent_fault_of_an_entry_stops_the_publication() {
    for (script, calls) in [
        (
            &[Reply::RefuseAll(
                &[2],
                "InvalidParameterValue",
                "AccessDenied",
            )][..],
            1,
        ),
        (
            &[
                Reply::RefuseAll(&[2], "AccessDenied", "RequestThrottled"),
                Reply::Error(400, "InvalidMessageContents"),
            ],
            2,
        ),
    ] {
        let aws = FakeAws::scripted(script, Reply::Accept).await;
        let function = crate::start(aws.settings()).await;
        let body = to_json(&tasks((0..25).map(snapshot)));
        let answer = function.call(&post_json(&body)).await;
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(aws.calls().len(), calls);
        let output = function.stop().await;
        let line = output.lines().find(|line| line.contains("AccessDenied"));
        let line: serde_json::Value =
            serde_json::from_str(line.expect("the reason is logged")).unwrap();
        // Jobs that were not normalized count as well.
        assert_eq!(line["jobs"], 25);
    }
}
