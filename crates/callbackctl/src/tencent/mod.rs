//! A client for Tencent Cloud Infinite's API.

pub(crate) mod client;
pub(crate) mod error;
pub(crate) mod jobs;
mod key;
mod signature;
pub(crate) mod xml;
