//! The program as operators run it, against a vendor, a queue, a vault and a log.
//!
//! `fake_ci` is Tencent's query API, which checks each signature and fails on request. The
//! other servers are those of `testkit`.

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
