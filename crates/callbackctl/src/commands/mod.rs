//! The commands, one file or folder each. They use `tencent` and `aws`, never each other.

pub(crate) mod doctor;
pub(crate) mod lookup;
pub(crate) mod normalize;
pub(crate) mod queues;
pub(crate) mod reconcile;
pub(crate) mod replay;
pub(crate) mod token;
pub(crate) mod vault;
