//! The limits on a body, and on what is derived from it.

use super::{
    error::{ReadError, ReadErrorKind},
    tree::Object,
};

/// The maximum nesting depth of a body: ten times the depth of Tencent's bodies.
const MAX_DEPTH: usize = 100;

/// The maximum nesting depth of a message, in which lists and repeated names are levels as well. It is below
/// 128, where `serde_json` and other parsers stop.
const MAX_MESSAGE_DEPTH: usize = 120;

/// The levels of a message around `detail`: the event and `data`.
const ENVELOPE_DEPTH: usize = 2;

/// The maximum number of elements or JSON values: twice what a document of 5,000 pages needs.
const MAX_NODES: usize = 200_000;

/// The maximum size of the siblings of jobs in all messages of a body, in bytes. Each message contains them, so
/// a small body with many siblings and many jobs could become gigabytes.
pub(super) const MAX_COPIED_BYTES: usize = 64 * 1024 * 1024;

/// The maximum size of the text in the outputs of one job, in bytes; later outputs are dropped with a warning. A
/// long prefix, bucket or job id is repeated in each output, so without a limit a small body could have a record
/// of gigabytes. 5,000 pages have half a megabyte.
pub(crate) const MAX_OUTPUT_BYTES: usize = 4 * 1024 * 1024;

/// The maximum number of warnings about the values of a job: otherwise a workflow with thousands of malformed
/// tasks would double the size of its record. One more warning counts those that were dropped. Warnings that
/// contain the only copy of a value are not limited.
pub(crate) const MAX_WARNINGS: usize = 50;

/// Counts the nodes of a body, and their depth.
#[derive(Default)]
pub(super) struct NodeCounter {
    nodes: usize,
    max_depth: usize,
}

impl NodeCounter {
    /// Counts a node inside `depth` others. `unit` is the format's word for nodes.
    pub(super) fn add(
        &mut self,
        depth: usize,
        unit: &str,
        place: impl Fn() -> String,
    ) -> Result<(), ReadError> {
        self.nodes += 1;
        self.max_depth = self.max_depth.max(depth + 1);
        let reason = if self.nodes > MAX_NODES {
            format!("more than {MAX_NODES} {unit}")
        } else if depth == MAX_DEPTH {
            format!("nested deeper than {MAX_DEPTH} levels")
        } else {
            return Ok(());
        };
        let text = format!("{}: {reason}", place());
        Err(ReadError::new(ReadErrorKind::LimitExceeded, text))
    }

    /// Checks the depth of the messages of a body with this root.
    pub(super) fn check_messages(&self, root: &Object<'_>) -> Result<(), ReadError> {
        let is_shallow = |levels| ENVELOPE_DEPTH + levels <= MAX_MESSAGE_DEPTH;
        // Each level of the body is at most two in a message, so most trees need no check.
        if is_shallow(2 * self.max_depth) || is_shallow(root.levels("")) {
            return Ok(());
        }
        let reason = format!("a message would be nested deeper than {MAX_MESSAGE_DEPTH} levels");
        Err(ReadError::new(ReadErrorKind::LimitExceeded, reason))
    }
}
