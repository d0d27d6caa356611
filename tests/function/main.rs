//! The function as AWS runs it: the real binary, the real runtime client, a queue that answers.
//!
//! `function` is its process, `runtime_api` invokes it with the events of `function_url`, and
//! `ministack` holds its queues; `recorder` is a queue that shows the calls themselves, and that
//! breaks on request. The tests are in the modules below them, a promise of the README each.

mod bodies;
mod bucket;
mod function;
mod function_url;
mod ministack;
mod proxy;
mod queue;
mod recorder;
mod runtime_api;
mod server;

mod answers;
mod authentication;
mod commands;
mod configuration;
mod events;
mod faults;
mod grouping;
mod infra_contract;
mod metrics;
mod publishing;
mod replay;
mod telemetry;
mod vault;
mod wire;
