//! Every fault of the queue in every state of the vault: nothing is lost.
//!
//! Each fault is tried with a body of one job, and with one of twelve jobs, which needs two batches.
//! One function checks the invariant that holds for all of them.

use std::time::{Duration, Instant};

use testkit::{
    bodies::{event_id, snapshot, tasks, to_json},
    fake_aws::{FakeAws, Object, Reply, VaultReply},
    function_url::{HttpAnswer, post_json},
    runtime_api::Answer,
    server,
};

/// The queue's time budget in the table.
const BUDGET: Duration = Duration::from_millis(500);

/// The vault's time: `vault::BUDGET`.
const VAULT_BUDGET: Duration = Duration::from_millis(1500);

/// The delay that a busy machine may add while several functions start.
const SLACK: Duration = Duration::from_secs(3);

/// How many rows run at the same time.
const AT_ONCE: usize = 6;

/// Jobs of a body that makes two batches.
const MANY: u32 = 12;

/// More calls than retries with back-off make within [`BUDGET`].
const MAX_CALLS: usize = 20;

/// More calls than the SDK's own quota for retries allows to fail.
const OUTAGE_CALLS: usize = 150;

/// A fault.
#[derive(Clone, Debug)]
enum Fault {
    /// The queue's first reply, if it differs, and the reply to every later call.
    Queue(Option<Reply>, Reply),
    /// No server listens at the queue's address.
    Refused,
    /// Connections to the queue are closed as soon as something was sent.
    Resetting,
    /// The body cannot be read.
    Unreadable,
}

/// The state of the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum VaultState {
    Working,
    /// An error with this status and code once.
    Once(u16, &'static str),
    Denied,
    Hanging,
    Missing,
    /// Behind a proxy that answers with this status, and a page.
    Page(u16),
    None,
}

impl VaultState {
    fn reply(self) -> VaultReply {
        match self {
            Self::Working | Self::None => VaultReply::Accept,
            Self::Once(status, code) => VaultReply::Once(status, code),
            Self::Denied => VaultReply::Error(403, "AccessDenied"),
            Self::Hanging => VaultReply::Silence,
            Self::Missing => VaultReply::Error(404, "NoSuchBucket"),
            Self::Page(status) => VaultReply::Page(status),
        }
    }

    fn stores(self) -> bool {
        matches!(self, Self::Working | Self::Once(..))
    }
}

/// The expected result of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// 200, and every job is on the queue.
    Published,
    /// 200, and the body is in the vault.
    Quarantined,
    /// 503, and the body is in the vault if that works.
    Spilled,
    /// The same after this number of calls to the queue: a retry would not help.
    SpilledAfter(usize),
}

/// A row of the table.
#[derive(Clone)]
struct Case {
    name: &'static str,
    fault: Fault,
    needs_batch: bool,
    expected: Expected,
}

/// A fault of any call.
fn row(name: &'static str, fault: Fault, expected: Expected) -> Case {
    Case {
        name,
        fault,
        needs_batch: false,
        expected,
    }
}

/// A fault of entries of a batch.
fn batch(name: &'static str, fault: Fault, expected: Expected) -> Case {
    Case {
        needs_batch: true,
        ..row(name, fault, expected)
    }
}

fn faults() -> Vec<Case> {
    use Expected::{Published, Quarantined, Spilled, SpilledAfter};
    use Reply::{
        Accept, Anonymous, Blank, Contradict, Error, FailEntries, Garble, Late, LoseEntries,
        RefuseEntries, RefuseEntriesAs, Silence,
    };
    let once = |reply| Fault::Queue(Some(reply), Accept);
    let always = |reply| Fault::Queue(None, reply);
    let unavailable = || Error(503, "ServiceUnavailable");
    let failing = || Error(500, "InternalFailure");
    let throttled = || Error(400, "RequestThrottled");
    let missing = || Error(400, "QueueDoesNotExist");
    let throttled_by_kms = Error(400, "KMS.ThrottlingException");
    let throttled_entry = RefuseEntriesAs(&[1], "RequestThrottled");
    let second_missing = Fault::Queue(Some(Accept), missing());
    let denied = always(Error(403, "AccessDeniedException"));
    let expired = always(Error(403, "ExpiredToken"));
    let refused = always(RefuseEntries(&[1]));
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

/// The states tried with every fault.
const VAULTS: [VaultState; 5] = [
    VaultState::Working,
    VaultState::Denied,
    VaultState::Hanging,
    VaultState::Missing,
    VaultState::None,
];

/// The states tried with two faults only, of which each needs the vault at once.
const ODD_VAULTS: [VaultState; 6] = [
    VaultState::Once(409, "OperationAborted"),
    VaultState::Once(429, "TooManyRequests"),
    VaultState::Once(403, "AccessDenied"),
    VaultState::Once(503, "SlowDown"),
    VaultState::Page(200),
    VaultState::Page(204),
];

/// The result of a case in one state of the vault, with a body of this number of jobs.
struct Row {
    name: String,
    jobs: u32,
    body: Vec<u8>,
    answer: HttpAnswer,
    time: Duration,
    aws: FakeAws,
}

async fn try_fault(name: &str, fault: &Fault, vault: VaultState, jobs: u32) -> Row {
    let (first, otherwise) = match fault {
        Fault::Queue(first, otherwise) => (first.as_slice(), otherwise.clone()),
        _ => (&[][..], Reply::Accept),
    };
    let aws = FakeAws::with_vault(first, otherwise, vault.reply()).await;
    let mut settings = aws
        .settings()
        .with("PUBLISH_BUDGET_MS", &BUDGET.as_millis().to_string());
    if vault != VaultState::None {
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
    // The start is not counted: a first answer says that it is over.
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

/// Answered 200 means that every job of the body is on the queue, or that the body is in the vault
/// byte for byte. With any other status, only the vendor has it.
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

fn assert_expected(row: &Row, expected: Expected, vault: VaultState) {
    let stores = vault.stores();
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
    let objects: Vec<(String, Object)> = row.aws.objects().into_iter().collect();
    match (folder, &objects[..]) {
        (None, []) => {}
        (Some(folder), [(key, object)]) => {
            assert!(key.starts_with(folder), "{name}: {key}");
            assert_eq!(object.body, row.body, "{name}: what the vendor sent");
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
    for case in faults() {
        let odd_vaults: &[VaultState] = match case.name {
            "missing" | "unreadable" => &ODD_VAULTS,
            _ => &[],
        };
        for vault in VAULTS.iter().chain(odd_vaults).copied() {
            for jobs in [1, MANY] {
                if jobs == MANY || !case.needs_batch {
                    rows.push((case.clone(), vault, jobs));
                }
            }
        }
    }
    let tried = rows.iter().map(|(case, vault, jobs)| async move {
        let row = try_fault(case.name, &case.fault, *vault, *jobs).await;
        assert_nothing_is_lost(&row);
        assert_expected(&row, case.expected, *vault);
    });
    at_once(tried).await;
}

/// Runs these, some at once.
async fn at_once(mut tried: impl Iterator<Item = impl Future<Output = ()>>) {
    loop {
        let some: Vec<_> = tried.by_ref().take(AT_ONCE).collect();
        if some.is_empty() {
            return;
        }
        futures_util::future::join_all(some).await;
    }
}

/// How long a fault of the queue or the vault may last, in milliseconds.
const OUTAGES: [u64; 3] = [300, 800, 1500];

/// Budgets of the queue in milliseconds: each is shorter than every outage, or longer by far more than a
/// wait between two tries, so that a busy machine does not decide.
const BUDGETS: [u64; 2] = [250, 4000];

#[tokio::test]
async fn an_outage_of_the_queue_that_is_shorter_than_its_budget_spills_nothing() {
    let mut tried = Vec::new();
    for millis in OUTAGES {
        for budget in BUDGETS {
            for (status, code) in [(400, "RequestThrottled"), (503, "ServiceUnavailable")] {
                for jobs in [1, MANY] {
                    tried.push((millis, budget, status, code, jobs));
                }
            }
        }
    }
    let tried = tried.into_iter().map(|case| async move {
        let (millis, budget, status, code, jobs) = case;
        let outage = Reply::Outage(millis, status, code);
        let aws = FakeAws::with_vault(&[], outage, VaultReply::Accept).await;
        let settings = aws
            .settings()
            .with("VAULT_BUCKET", "vault")
            .with("PUBLISH_BUDGET_MS", &budget.to_string());
        let function = crate::start(settings).await;
        let body = to_json(&tasks((0..jobs).map(snapshot)));
        let answer = function.call(&post_json(&body)).await;
        let (status, kept) = if millis < budget { (200, 0) } else { (503, 1) };
        assert_eq!(answer.status, status, "{case:?}");
        assert_eq!(aws.objects().len(), kept, "{case:?}");
    });
    at_once(tried).await;
}

#[tokio::test]
async fn an_outage_of_the_vault_that_is_shorter_than_its_budget_leaves_nothing_with_the_vendor() {
    let mut tried = Vec::new();
    for millis in OUTAGES {
        for (status, code) in [
            (503, "SlowDown"),
            (409, "OperationAborted"),
            (403, "Denied"),
        ] {
            tried.push((millis, status, code));
        }
    }
    let tried = tried.into_iter().map(|case| async move {
        let (millis, status, code) = case;
        let outage = VaultReply::Outage(millis, status, code);
        let aws = FakeAws::with_vault(&[], Reply::Accept, outage).await;
        let function = crate::start(aws.settings().with("VAULT_BUCKET", "vault")).await;
        let answer = function.call(&post_json(b"{")).await;
        let ends_in_time = Duration::from_millis(millis) < VAULT_BUDGET;
        let (status, kept) = if ends_in_time { (200, 1) } else { (503, 0) };
        assert_eq!(answer.status, status, "{case:?}");
        assert_eq!(aws.objects().len(), kept, "{case:?}");
    });
    at_once(tried).await;
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
            Reply::RefuseEntriesAs(&[1], "InvalidParameterValue"),
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
        assert!(matches!(answer, Answer::Silence), "{stage}: {answer:?}");
    }
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_costs_no_callback() {
    let aws = FakeAws::closing_after(Duration::from_millis(100)).await;
    let function = crate::start(aws.settings()).await;
    for number in 0..4 {
        let answer = function
            .call(&post_json(&to_json(&tasks([snapshot(number)]))))
            .await;
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
    // The first call is not measured: the function may still be starting.
    assert_eq!(function.call(&post_json(b"")).await.status, 400);
    let deadline = Duration::from_secs(2);
    let body = to_json(&tasks([snapshot(1)]));
    let mut times = Vec::new();
    // A busy machine may delay one of them, but not all.
    while times.len() < 3 && times.iter().all(|time| *time >= deadline) {
        let begin = Instant::now();
        match function.invoke(&post_json(&body), deadline).await {
            Answer::Response(response) => assert_eq!(HttpAnswer::of(&response).status, 503),
            other => panic!("expected an answer, but found {other:?}"),
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
    let answer = function
        .call(&post_json(&to_json(&tasks([snapshot(1)]))))
        .await;
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
