//! The functions that are measured: programs with their environments.

use std::{env, path::PathBuf};

use crate::{
    harness::{environment::environment, page::in_repository},
    nothing,
    tls::Bundle,
};

/// Cold starts of what starts in a millisecond, and of what takes a few hundred.
const COLD_STARTS: usize = 100;
const PEER_COLD_STARTS: usize = 20;

/// A function that can be started.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(&'static str, String)>,
    pub(crate) cold_starts: usize,
}

/// What is measured in one run, each beside the empty function.
pub(crate) struct Functions {
    pub(crate) no_function: Function,
    pub(crate) no_function_queue: Function,
    pub(crate) empty: Function,
    pub(crate) callback: Function,
    pub(crate) python: Function,
    pub(crate) node: Function,
}

impl Functions {
    /// All with the AWS at this URL.
    pub(crate) fn new(aws: &str) -> Self {
        let this = env::current_exe().expect("a program has a file");
        let address = aws.trim_start_matches("http://").to_owned();
        let (python, node) = (python(), node());
        Self {
            no_function: Function {
                arguments: vec![nothing::ARGUMENT.to_owned()],
                ..Function::new("no function", this.clone(), aws)
            },
            no_function_queue: Function {
                arguments: vec![nothing::ARGUMENT_QUEUE.to_owned(), address],
                ..Function::new("no function, one call to the queue", this, aws)
            },
            // Cargo names no path of an example to a bench.
            empty: Function::new(
                "empty lambda_http",
                callback().with_file_name("examples").join("empty"),
                aws,
            ),
            callback: Function::new("callback", callback(), aws),
            python: Function {
                arguments: ["-m", "awslambdaric", "peer.handle"]
                    .map(str::to_owned)
                    .into(),
                environment: [
                    environment(aws),
                    vec![("PYTHONPATH", in_repository("benches/peers/python"))],
                ]
                .concat(),
                cold_starts: PEER_COLD_STARTS,
                ..Function::new("Python peer", python, aws)
            },
            node: Function {
                arguments: vec![in_repository("benches/peers/node/dist/peer.cjs")],
                cold_starts: PEER_COLD_STARTS,
                ..Function::new("Node peer", node, aws)
            },
        }
    }

    pub(crate) fn all(&self) -> [&Function; 6] {
        [
            &self.no_function,
            &self.no_function_queue,
            &self.empty,
            &self.callback,
            &self.python,
            &self.node,
        ]
    }
}

impl Function {
    fn new(name: &'static str, program: PathBuf, aws: &str) -> Self {
        assert!(
            program.exists(),
            "{} is missing: run `make bench`, which makes it",
            program.display()
        );
        Self {
            name,
            program,
            arguments: Vec::new(),
            environment: environment(aws),
            cold_starts: COLD_STARTS,
        }
    }

    /// Ours with an AWS behind TLS; `variable` names the bundle.
    pub(crate) fn callback_with_tls(
        name: &'static str,
        aws: &str,
        variable: &'static str,
        bundle: &Bundle,
    ) -> Self {
        let mut function = Self::new(name, callback(), aws);
        let path = bundle.path.to_str().expect("cargo's folders are text");
        function.environment.push((variable, path.to_owned()));
        function
    }
}

fn callback() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_callback"))
}

/// The interpreter with the peer's packages.
pub(crate) fn python() -> PathBuf {
    in_repository(".venv-bench/bin/python").into()
}

/// The first Node on the path.
pub(crate) fn node() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .map(|folder| folder.join("node"))
        .find(|program| program.exists())
        .expect("Node is installed")
}
