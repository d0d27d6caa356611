//! What the benchmark of functions and the test under load share: how a function is started, spoken to
//! and served, and where figures go.

pub(crate) mod bodies;
pub(crate) mod environment;
pub(crate) mod figures;
pub(crate) mod http;
pub(crate) mod invocation;
pub(crate) mod listening;
pub(crate) mod machine;
pub(crate) mod page;
pub(crate) mod process;
