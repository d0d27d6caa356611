//! Runs one MiniStack, an AWS emulator, for all tests of a binary.

use std::{
    fs::File,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_types::SdkConfig;

/// The region of all tests.
pub const REGION: &str = "eu-central-1";

/// The credentials of all tests. MiniStack accepts any.
pub const ACCESS_KEY_ID: &str = "test";
/// The secret of [`ACCESS_KEY_ID`].
pub const SECRET_ACCESS_KEY: &str = "test-secret";

/// The maximum time that MiniStack needs to start. It usually starts in 0.3 seconds.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A shell script that stops MiniStack when its standard input closes, which always happens when this process
/// exits. Statics are never dropped, and a parent-death signal requires unsafe code.
const WATCHDOG: &str = r#""$0" </dev/null & child=$!; cat >/dev/null; kill "$child"; wait"#;

static MINISTACK: LazyLock<MiniStack> = LazyLock::new(MiniStack::start);

struct MiniStack {
    port: u16,
    /// Owns the pipe to the watchdog's standard input.
    _watchdog: Child,
}

impl MiniStack {
    fn start() -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/ministack");
        assert!(
            program.exists(),
            "MiniStack is not installed: run `make test`"
        );
        let port = free_port();
        let log = log_file();
        let watchdog = Command::new("sh")
            .args(["-c", WATCHDOG])
            .arg(program)
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("MINISTACK_HOST", "localhost")
            .env("AWS_ENDPOINT_URL", format!("http://localhost:{port}"))
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("a file can be shared"))
            .stderr(log)
            // In its own process group, so that Ctrl-C does not kill the watchdog before it ends
            // MiniStack.
            .process_group(0)
            .spawn()
            .expect("sh is installed");
        let ministack = Self {
            port,
            _watchdog: watchdog,
        };
        ministack.wait_until_healthy();
        ministack
    }

    fn wait_until_healthy(&self) {
        let started = Instant::now();
        while !self.is_healthy() {
            let elapsed = started.elapsed();
            assert!(
                elapsed < START_LIMIT,
                "MiniStack did not start: see ministack-*.log in target/tmp"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn is_healthy(&self) -> bool {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let request_health = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(address)?;
            stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            stream.write_all(
                b"GET /_ministack/health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        request_health().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }
}

/// Returns a free port. Another process is unlikely to open it before MiniStack does.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener
        .local_addr()
        .expect("a bound socket has an address")
        .port()
}

/// Returns the endpoint of MiniStack, for `AWS_ENDPOINT_URL`. Starts it if it is not running.
pub fn endpoint() -> String {
    format!("http://localhost:{}", MINISTACK.port)
}

/// Returns the configuration of an SDK client.
pub(crate) fn sdk_config() -> SdkConfig {
    let credentials = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "tests");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(endpoint())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}

/// Creates `target/tmp/ministack-<test binary>.log`.
fn log_file() -> File {
    let this = std::env::current_exe().expect("a test binary has a path");
    // target/debug/deps/<test binary>
    let target = this.ancestors().nth(3).expect("cargo's layout");
    let name = this.file_name().expect("a file name").to_string_lossy();
    let folder = target.join("tmp");
    std::fs::create_dir_all(&folder).expect("target is writable");
    File::create(folder.join(format!("ministack-{name}.log"))).expect("target is writable")
}
