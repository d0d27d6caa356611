//! `callbackctl reconcile`, `lookup` and `queues` against a vendor, a queue, a vault and a log.
//!
//! `fake_ci` is the vendor's query API, which checks each signature by itself and fails on request.
//! MiniStack, the function and the queue that breaks are those of the function's tests.

#[path = "../function/bodies.rs"]
#[expect(dead_code, reason = "the function's tests have more bodies")]
mod bodies;
#[path = "../function/bucket.rs"]
mod bucket;
#[path = "../function/function.rs"]
#[expect(dead_code, reason = "the recorder has settings for a function")]
mod function;
#[path = "../function/function_url.rs"]
#[expect(dead_code, reason = "the function is called by it")]
mod function_url;
#[path = "../function/ministack.rs"]
mod ministack;
#[path = "../function/queue.rs"]
#[expect(dead_code, reason = "no test here has need of all kinds of queues")]
mod queue;
#[path = "../function/recorder.rs"]
#[expect(dead_code, reason = "the function's tests break it in more ways")]
mod recorder;
#[path = "../function/runtime_api.rs"]
mod runtime_api;
#[path = "../function/server.rs"]
#[expect(dead_code, reason = "the function's tests have more servers")]
mod server;

mod command;
mod fake_ci;
mod jobs;
mod log_group;

mod faults;
mod finding;
mod lookup;
mod published;
mod queues;
mod received;
mod usage;
