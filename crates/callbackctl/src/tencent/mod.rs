//! The query API of Tencent Cloud Infinite.

pub(crate) mod client;
pub(crate) mod error;
pub(crate) mod jobs;
mod key;
mod signature;
pub(crate) mod xml;
