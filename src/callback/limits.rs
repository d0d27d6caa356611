//! The limits on a body, which both parsers enforce.

/// How deep elements may be nested: ten times what the vendor does. With the levels that a message adds,
/// it stays below 128, where serde_json and other parsers stop.
pub(super) const MAX_DEPTH: usize = 100;

/// How many elements or JSON values a body may have: twice what a document of 5,000 pages needs.
pub(super) const MAX_NODES: usize = 200_000;
