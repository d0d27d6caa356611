//! A function's process, and what the kernel says of it.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    function::Function,
    harness::{http::Message, process},
    runtime_api::RuntimeApi,
};

/// What lies between two starts: the one before has ended, and the kernel is still clearing up.
const PAUSE: Duration = Duration::from_millis(20);

/// How much of what a function said is shown when it fails, in bytes.
const LAST_WORDS: usize = 4000;

/// Ends with its process when it is dropped.
pub(crate) struct Running<'f> {
    function: &'f Function,
    child: Child,
    api: RuntimeApi,
    /// The connection that waits for an invocation.
    waiting: usize,
    /// From the process's start to its asking for an invocation.
    pub(crate) init: Duration,
    /// What it writes: its log.
    output: PathBuf,
}

impl<'f> Running<'f> {
    pub(crate) fn start(function: &'f Function) -> Self {
        let api = RuntimeApi::new();
        let name = function
            .name
            .replace(|sign: char| !sign.is_ascii_alphanumeric(), "-");
        let output = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{name}.log"));
        let log = File::create(&output).expect("the target folder can be written");
        let errors = log.try_clone().expect("a file has two handles");
        let mut command = Command::new(&function.program);
        command
            .args(&function.arguments)
            .env_clear()
            .envs(function.environment.clone())
            .env("AWS_LAMBDA_RUNTIME_API", api.address().to_string())
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        thread::sleep(PAUSE);
        let begin = Instant::now();
        let child = command.spawn().unwrap_or_else(|error| {
            panic!("{} does not start: {error}", function.program.display())
        });
        let mut running = Self {
            function,
            child,
            api,
            waiting: 0,
            init: Duration::ZERO,
            output,
        };
        running.wait();
        running.init = begin.elapsed();
        running
    }

    /// Hands out an event, and gives the time until the whole answer has come.
    pub(crate) fn call(&mut self, event: &str) -> Duration {
        let begin = Instant::now();
        if let Err(error) = self.api.hand_out(self.waiting, event) {
            self.fail(&format!("expected it to take an event, but found {error}"));
        }
        let (connection, answer) = self.request();
        let elapsed = begin.elapsed();
        let is_taken = serde_json::from_slice::<serde_json::Value>(&answer.body)
            .is_ok_and(|answer| answer["statusCode"] == 200);
        if !answer.line.contains("/response") || !is_taken {
            let body = String::from_utf8_lossy(&answer.body);
            self.fail(&format!(
                "expected the answer 200, but found {}{body}",
                answer.line
            ));
        }
        if let Err(error) = self.api.accept(connection) {
            self.fail(&format!("expected it to wait, but found {error}"));
        }
        self.wait();
        elapsed
    }

    /// Waits until it asks for an invocation.
    fn wait(&mut self) {
        let (connection, request) = self.request();
        if !request.line.contains("/invocation/next") {
            let body = String::from_utf8_lossy(&request.body);
            self.fail(&format!("expected next, but found {}{body}", request.line));
        }
        self.waiting = connection;
    }

    fn request(&mut self) -> (usize, Message) {
        let child = &mut self.child;
        let request = self.api.request(|| !matches!(child.try_wait(), Ok(None)));
        request.unwrap_or_else(|error| self.fail(&format!("expected a request, but found {error}")))
    }

    /// Ends the benchmark with what the function said last.
    fn fail(&mut self, what: &str) -> ! {
        let end = match self.child.try_wait() {
            Ok(Some(status)) => status.to_string(),
            _ => "it still runs".to_owned(),
        };
        let output = fs::read(&self.output).unwrap_or_default();
        let output = &output[output.len().saturating_sub(LAST_WORDS)..];
        let output = String::from_utf8_lossy(output);
        panic!(
            "{}: {what} ({end}); its output:\n{output}",
            self.function.name
        );
    }

    /// The CPU time of all its threads, to the nanosecond; the sums in `stat` have 10 ms.
    pub(crate) fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("it runs");
        let nanoseconds = tasks
            .filter_map(|task| {
                // A thread that has ended meanwhile has none.
                let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
                text.split(' ').next()?.parse::<u64>().ok()
            })
            .sum();
        Duration::from_nanos(nanoseconds)
    }

    /// The most memory that it has had, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        process::memory(self.child.id(), "VmHWM")
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
