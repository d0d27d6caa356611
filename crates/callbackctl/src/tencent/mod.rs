//! The query API of Tencent Cloud Infinite.

pub(crate) mod attempts;
pub(crate) mod bucket;
pub(crate) mod client;
pub(crate) mod error;
pub(crate) mod jobs;
pub(crate) mod key;
pub(crate) mod signature;
pub(crate) mod xml;
