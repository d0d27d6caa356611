//! Runs `callbackctl` like an operator, with a fake of Tencent's API, a queue, a vault and a log.
//!
//! `fake_ci` is a fake of Tencent's API with fault injection, which checks each signature. The other servers
//! are those of `testkit`.

mod command;
mod fake_ci;
mod jobs;
mod log_group;

mod commands;
mod doctor;
mod endpoints;
mod faults;
mod lookup;
mod queues;
mod received;
mod reconcile;
mod replay;
mod usage;
mod vault;
mod vendor_bodies;
