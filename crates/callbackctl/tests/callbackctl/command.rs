//! Runs `callbackctl` in the environment of a test.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use crate::{
    fake_ci::{self, FakeCi},
    jobs::BUCKET,
    log_group::LogGroup,
};
use testkit::{ministack, queue::TestQueue};

/// A fake of Tencent's API, a queue and a log, and the commands that use them.
pub(crate) struct World {
    pub(crate) ci: FakeCi,
    pub(crate) queue: TestQueue,
    pub(crate) log: LogGroup,
}

impl World {
    pub(crate) async fn new() -> Self {
        static COUNTER: AtomicU32 = AtomicU32::new(1);
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        Self {
            ci: FakeCi::start().await,
            queue: TestQueue::standard().await,
            log: LogGroup::create(&format!("/aws/lambda/receiver-{number}")).await,
        }
    }

    /// Returns `callbackctl` with these arguments, and with all settings in its environment.
    pub(crate) fn callbackctl(&self, arguments: &[&str]) -> Command {
        let mut command = callbackctl(arguments);
        command
            .env("QUEUE_URL", &self.queue.url)
            .env("TENCENTCLOUD_SECRET_ID", fake_ci::SECRET_ID)
            .env("TENCENTCLOUD_SECRET_KEY", fake_ci::SECRET_KEY)
            .env("TENCENTCLOUD_TOKEN", fake_ci::TOKEN)
            .env("CI_ENDPOINT_URL", self.ci.endpoint());
        command
    }

    /// Returns a command for the bucket of the API, with these additional arguments.
    pub(crate) fn of_bucket(&self, command: &str, arguments: &[&str]) -> Command {
        let bucket = [command, "--bucket", BUCKET, "--region", "ap-guangzhou"];
        self.callbackctl(&[&bucket[..], arguments].concat())
    }

    /// Returns `callbackctl reconcile` for the bucket and the log, with these additional arguments.
    pub(crate) fn reconcile(&self, arguments: &[&str]) -> Command {
        let log = ["--log-group", &self.log.name];
        self.of_bucket("reconcile", &[&log[..], arguments].concat())
    }

    /// Runs `reconcile`.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Ended {
        run(self.reconcile(arguments)).await
    }

    /// Returns the sorted ids of the events on the queue, including duplicates.
    pub(crate) async fn drain(&self) -> Vec<String> {
        let messages = self.queue.drain().await;
        let mut ids: Vec<_> = messages
            .iter()
            .map(|message| {
                let event = message.event();
                event["id"].as_str().expect("it has an id").to_owned()
            })
            .collect();
        ids.sort();
        ids
    }
}

/// Returns `callbackctl` with these arguments. Its environment contains only the settings of MiniStack.
pub(crate) fn callbackctl(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callbackctl"));
    command
        .args(arguments)
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("AWS_REGION", ministack::REGION)
        .env("AWS_ACCESS_KEY_ID", ministack::ACCESS_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", ministack::SECRET_ACCESS_KEY)
        .env("AWS_ENDPOINT_URL", ministack::endpoint());
    command
}

/// The result of a command.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Returns the last line of standard output.
    pub(crate) fn last_line(&self) -> &str {
        self.stdout.lines().last().unwrap_or_default()
    }

    /// Returns the sorted ids of the jobs with this result.
    pub(crate) fn ids(&self, result: &str) -> Vec<&str> {
        let lines = self.stdout.lines();
        let mut ids: Vec<_> = lines
            .filter_map(|line| {
                let (id, found) = line.split_once("  ")?;
                (found.split(':').next() == Some(result)).then_some(id)
            })
            .collect();
        ids.sort_unstable();
        ids
    }
}

/// Runs a command while the servers of the test continue. Checks that its output contains no secrets.
pub(crate) async fn run(command: Command) -> Ended {
    run_with(command, b"").await
}

/// Like [`run`], with this standard input.
pub(crate) async fn run_with(mut command: Command, input: &[u8]) -> Ended {
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("cargo has built it");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input).expect("the pipe has a buffer");
    drop(stdin);
    let output = tokio::task::spawn_blocking(|| child.wait_with_output());
    let output = output.await.expect("it does not panic");
    let Output {
        status,
        stdout,
        stderr,
    } = output.expect("it ends");
    let ended = Ended {
        code: status.code(),
        stdout: String::from_utf8(stdout).expect("it writes text"),
        stderr: String::from_utf8(stderr).expect("it writes text"),
    };
    for secret in fake_ci::SECRETS {
        let is_there = ended.stdout.contains(secret) || ended.stderr.contains(secret);
        assert!(!is_there, "{secret} was written: {ended:?}");
    }
    ended
}
