//! The limits on a body, which both parsers enforce.

/// The maximum nesting depth: ten times that of the vendor. With the levels that a message adds,
/// it stays below 128, where serde_json and other parsers stop.
pub(super) const MAX_DEPTH: usize = 100;

/// The maximum number of elements or JSON values: twice what a document of 5,000 pages needs.
pub(super) const MAX_NODES: usize = 200_000;
