//! The function's processes: Lambda gives each one request at a time.

use std::{
    fs::File,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::harness::{environment::environment, process};

/// They end when it is dropped.
pub(crate) struct Instances {
    children: Vec<Child>,
}

impl Instances {
    pub(crate) fn start(count: usize, api: SocketAddr, aws: &str) -> Self {
        let start = |number| {
            let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("load-{number}.log"));
            let log = File::create(path).expect("the target folder can be written");
            let errors = log.try_clone().expect("a file has two handles");
            Command::new(env!("CARGO_BIN_EXE_callback"))
                .env_clear()
                .envs(environment(aws))
                .env("QUEUE_MAX_BYTES", super::QUEUE_MAX_BYTES.to_string())
                .env("AWS_LAMBDA_RUNTIME_API", api.to_string())
                .stdin(Stdio::null())
                .stdout(log)
                .stderr(errors)
                .spawn()
                .expect("the function starts")
        };
        Self {
            children: (0..count).map(start).collect(),
        }
    }

    /// # Panics
    /// Where one of them has ended: what it said is in `target/tmp`.
    pub(crate) fn check(&mut self) {
        for (number, child) in self.children.iter_mut().enumerate() {
            let end = child.try_wait().expect("a child of this process");
            if let Some(status) = end {
                panic!("expected that it runs, but found {status}: load-{number}.log");
            }
        }
    }

    /// What all of them have now, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let ids = self.children.iter().map(Child::id);
        ids.map(|id| process::memory(id, "VmRSS")).sum()
    }
}

impl Drop for Instances {
    fn drop(&mut self) {
        for child in &mut self.children {
            // Both fail only where it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
