//! The function's process, in the environment that Lambda would give it.

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
    function_url::{HttpAnswer, TOKEN},
    ministack,
    runtime_api::{Answer, RuntimeApi},
};

/// How long Lambda gives an invocation here: enough for a machine that compiles meanwhile.
pub const TIMEOUT: Duration = Duration::from_secs(15);

/// How often a process is asked whether it has ended.
const POLL: Duration = Duration::from_millis(10);

/// The environment of one function.
#[derive(Clone)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// What a function needs that puts records on the MiniStack queue with this URL.
    pub fn for_queue(url: &str) -> Self {
        Self::for_endpoint(&ministack::endpoint(), url)
    }

    /// What a function needs for a test that never gets as far as the queue.
    pub fn without_queue() -> Self {
        let nobody = "http://127.0.0.1:9";
        Self::for_endpoint(nobody, &format!("{nobody}/000000000000/unused"))
    }

    /// What a function needs, with the place where it finds AWS.
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
            // A stalled machine must not make a queue look down; tests of the budget set their own.
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

/// A token's SHA-256 as the function is told it.
pub fn digest(token: &str) -> String {
    Sha256::digest(token)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A running function. Dropping it ends it.
pub struct Function {
    pub api: RuntimeApi,
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

/// All that a function wrote.
#[derive(Debug)]
pub struct Output {
    pub stdout: String,
    pub stderr: String,
}

impl Function {
    /// Starts the function. It need not come up.
    pub async fn start(program: &str, settings: Settings) -> Self {
        Self::spawn(&mut Command::new(program), settings).await
    }

    /// Starts a function of any program.
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
        let stdout = child.stdout.take().map(collect);
        let stderr = child.stderr.take().map(collect);
        Self {
            api,
            child,
            stdout,
            stderr,
        }
    }

    /// Sends a request that is answered, whatever the answer.
    pub async fn call(&self, event: &Value) -> HttpAnswer {
        match self.invoke(event, TIMEOUT).await {
            Answer::Response(response) => HttpAnswer::of(&response),
            Answer::Error(error) => panic!("expected an answer, but found the error {error}"),
            Answer::Silence => panic!("expected an answer, but found none"),
        }
    }

    /// Sends a request, whatever becomes of it.
    pub async fn invoke(&self, event: &Value, timeout: Duration) -> Answer {
        self.api.invoke(event.to_string(), timeout).await
    }

    /// Returns its memory in bytes: `VmRSS` is resident now, `VmHWM` was the most.
    pub fn memory(&self, kind: &str) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(status).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(kind));
        let kib = line.and_then(|line| line.strip_prefix(':')?.strip_suffix("kB"));
        let kib = kib.and_then(|kib| kib.trim().parse::<u64>().ok());
        kib.expect("the kernel counts it") * 1024
    }

    /// Returns the CPU time of all its threads, to the nanosecond.
    pub fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("it runs");
        // A thread that has ended meanwhile has no time.
        let nanoseconds = tasks.filter_map(|task| {
            let times = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            times.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanoseconds.sum())
    }

    /// Ends the function once it has nothing left to do.
    pub async fn stop(mut self) -> Output {
        self.api.idle().await;
        self.kill();
        self.output()
    }

    /// Sends a request to a function that is killed before it can answer, once `moment` has come.
    pub async fn invoke_and_kill(
        &mut self,
        event: &Value,
        moment: impl Future<Output = ()>,
    ) -> Answer {
        let answer = self.api.invoke(event.to_string(), Duration::from_secs(1));
        let child = &mut self.child;
        let kill = async {
            moment.await;
            // SIGKILL: nothing of the function runs after it.
            child.kill().expect("a running child can be killed");
        };
        tokio::join!(answer, kill).0
    }

    /// Waits for the function to end by itself; none where it doesn't in time.
    pub async fn exit(mut self, limit: Duration) -> (Option<ExitStatus>, Output) {
        let begin = Instant::now();
        let mut status = None;
        while status.is_none() && begin.elapsed() < limit {
            status = self.child.try_wait().expect("a child can be waited for");
            // Asynchronous: the runtime API answers on this thread meanwhile.
            tokio::time::sleep(POLL).await;
        }
        self.kill();
        (status, self.output())
    }

    fn kill(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn output(&mut self) -> Output {
        let join = |reader: Option<JoinHandle<String>>| {
            reader
                .and_then(|reader| reader.join().ok())
                .unwrap_or_default()
        };
        Output {
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

impl Output {
    /// Every line that is not blank, of both streams.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.stdout
            .lines()
            .chain(self.stderr.lines())
            .filter(|line| !line.trim().is_empty())
    }
}

/// Reads a stream to its end, so that the function never waits for a full pipe.
fn collect(mut stream: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // An error ends the stream as its end does; what was read counts.
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
