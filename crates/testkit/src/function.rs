//! Runs the function as a process, with the environment of Lambda.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    process::{Child, Command, ExitStatus, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    bodies::to_json,
    function_url::{FunctionUrlResponse, TOKEN, post_json},
    ministack,
    runtime_api::{InvocationResult, RuntimeApi},
};

/// The timeout of an invocation, long enough for a busy machine.
pub const TIMEOUT: Duration = Duration::from_secs(15);

/// The polling interval for the exit of a process.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The environment variables of a function.
#[derive(Clone)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Returns the settings for a queue on MiniStack.
    pub fn for_queue(url: &str) -> Self {
        Self::for_endpoint(&ministack::endpoint(), url)
    }

    /// Returns the settings for a test that does not use the queue.
    pub fn without_queue() -> Self {
        let endpoint = "http://127.0.0.1:9";
        Self::for_endpoint(endpoint, &format!("{endpoint}/000000000000/unused"))
    }

    /// Returns the settings for a custom endpoint.
    pub fn for_endpoint(endpoint: &str, queue_url: &str) -> Self {
        let settings = Self(BTreeMap::new());
        settings
            .with("AWS_LAMBDA_FUNCTION_NAME", "test")
            .with("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .with("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .with("AWS_REGION", ministack::REGION)
            .with("AWS_ACCESS_KEY_ID", ministack::ACCESS_KEY_ID)
            .with("AWS_SECRET_ACCESS_KEY", ministack::SECRET_ACCESS_KEY)
            .with("AWS_ENDPOINT_URL", endpoint)
            .with("QUEUE_URL", queue_url)
            .with("CALLBACK_TOKEN_SHA256", &digest(TOKEN))
            // Long enough for a busy machine. Tests of the budget set a shorter one.
            .with("PUBLISH_BUDGET_MS", "10000")
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }
}

/// Returns the SHA-256 of a token, for `CALLBACK_TOKEN_SHA256`.
pub fn digest(token: &str) -> String {
    Sha256::digest(token)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A running function. Killed on drop.
pub struct Function {
    pub api: RuntimeApi,
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

/// The output of a process.
#[derive(Debug)]
pub struct ProcessOutput {
    pub stdout: String,
    pub stderr: String,
}

impl Function {
    /// Starts the function, without waiting until it is ready.
    pub async fn start(program: &str, settings: Settings) -> Self {
        Self::spawn(&mut Command::new(program), settings).await
    }

    /// Starts any command as the function.
    pub async fn spawn(command: &mut Command, settings: Settings) -> Self {
        let api = RuntimeApi::start().await;
        let mut child = command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", api.address())
            .envs(settings.0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{:?} does not start: {error}", command.get_program()));
        let stdout = child.stdout.take().map(read_to_end);
        let stderr = child.stderr.take().map(read_to_end);
        Self {
            api,
            child,
            stdout,
            stderr,
        }
    }

    /// Sends a request, and returns the response with any status.
    ///
    /// # Panics
    /// If the function reports an error or does not respond.
    pub async fn call(&self, event: &Value) -> FunctionUrlResponse {
        match self.invoke(event, TIMEOUT).await {
            InvocationResult::Response(response) => FunctionUrlResponse::of(&response),
            InvocationResult::Error(error) => {
                panic!("the function reported the error {error}")
            }
            InvocationResult::Silence => panic!("the function did not respond"),
        }
    }

    /// Posts a body as JSON, and returns the response.
    pub async fn post(&self, body: &Value) -> FunctionUrlResponse {
        self.call(&post_json(&to_json(body))).await
    }

    /// Sends a request, and returns the result of the invocation.
    pub async fn invoke(&self, event: &Value, timeout: Duration) -> InvocationResult {
        self.api.invoke(event.to_string(), timeout).await
    }

    /// Returns a memory counter of the process in bytes: `VmRSS` is the resident memory, `VmHWM` its peak.
    pub fn memory(&self, kind: &str) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(status).expect("the function runs");
        let line = status.lines().find_map(|line| line.strip_prefix(kind));
        let kib = line.and_then(|line| line.strip_prefix(':')?.strip_suffix("kB"));
        let kib = kib.and_then(|kib| kib.trim().parse::<u64>().ok());
        kib.expect("the kernel reports the counter") * 1024
    }

    /// Returns the CPU time of all threads of the process.
    pub fn cpu(&self) -> Duration {
        let tasks =
            fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("the function runs");
        // A thread that ended after the listing is skipped.
        let nanoseconds = tasks.filter_map(|task| {
            let times = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            times.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanoseconds.sum())
    }

    /// Waits until the function is idle, and stops it.
    pub async fn stop(mut self) -> ProcessOutput {
        self.api.idle().await;
        self.kill();
        self.output()
    }

    /// Sends a request, and kills the function when `moment` completes.
    pub async fn invoke_and_kill(
        &mut self,
        event: &Value,
        moment: impl Future<Output = ()>,
    ) -> InvocationResult {
        let answer = self.api.invoke(event.to_string(), Duration::from_secs(1));
        let child = &mut self.child;
        let kill = async {
            moment.await;
            // SIGKILL stops the function without running its code.
            child.kill().expect("the child is running");
        };
        tokio::join!(answer, kill).0
    }

    /// Waits until the function exits. The status is `None` if it does not exit in time.
    pub async fn exit(mut self, limit: Duration) -> (Option<ExitStatus>, ProcessOutput) {
        let begin = Instant::now();
        let mut status = None;
        while status.is_none() && begin.elapsed() < limit {
            status = self.child.try_wait().expect("the child can be waited for");
            // Asynchronous, because the runtime API responds on the same thread.
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        self.kill();
        (status, self.output())
    }

    fn kill(&mut self) {
        // Both fail only if the process has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn output(&mut self) -> ProcessOutput {
        let join = |reader: Option<JoinHandle<String>>| {
            reader
                .and_then(|reader| reader.join().ok())
                .unwrap_or_default()
        };
        ProcessOutput {
            stdout: join(self.stdout.take()),
            stderr: join(self.stderr.take()),
        }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let output = self.output();
            eprintln!("the function wrote:\n{}{}", output.stdout, output.stderr);
        }
    }
}

impl ProcessOutput {
    /// Returns the lines of both streams, without blank ones.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.stdout
            .lines()
            .chain(self.stderr.lines())
            .filter(|line| !line.trim().is_empty())
    }
}

/// Reads a stream on a thread, so that a full pipe never blocks the function.
fn read_to_end(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // After an error, the bytes that were read are returned.
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
