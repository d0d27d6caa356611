//! The sets of words in a record. Each ends in `Unknown`, which keeps the word: a later writer may
//! add words without stopping a reader of today.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The kind of callback that reported a job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Family {
    /// One job of a queue: an element of `JobsDetail` with a `Tag` or an `Operation`, with the event
    /// `TaskFinish`, or without an event.
    Task,
    /// One run of a workflow: `WorkflowExecution`.
    Workflow,
    /// A verdict: an element of `JobsDetail` with an event that begins with `Review`, or without an
    /// event and with a `Result`, a `Suggestion` or a scene; or `code` with `data`.
    Moderation,
    /// `unknown`: an element of `JobsDetail` with any other event. Or a word that was added later.
    #[serde(untagged)]
    Unknown(Cow<'static, str>),
}

/// What a job's state means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Outcome {
    /// `Success`, and nothing inside failed. Without a state: `Code` is `Success` or `0`.
    Succeeded,
    /// `Failed`. Without a state: any other `Code`.
    Failed,
    /// `Success`, but something inside failed: see `problems`.
    Partial,
    /// `Submitted`, `Running`, `Auditing`, `Pause`.
    Pending,
    /// `Cancel`.
    Cancelled,
    /// `unknown`: any other state; neither a state nor a code. Or a word that was added later.
    #[serde(untagged)]
    Unknown(Cow<'static, str>),
}

/// What moderation found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Verdict {
    /// 0.
    Normal,
    /// 1.
    Sensitive,
    /// 2: for a person to look at.
    Suspected,
    /// `unknown`: no verdict was given. Do not act as if it were `normal`. Or a word that was added
    /// later.
    #[serde(untagged)]
    Unknown(Cow<'static, str>),
}

/// What the vendor did with an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Forbidden {
    /// 0.
    None,
    /// 1: it cannot be read.
    Frozen,
    /// 2: it was moved to a backup bucket.
    Moved,
    /// A word that was added later.
    #[serde(untagged)]
    Unknown(Cow<'static, str>),
}

/// The word of what is not known.
const UNKNOWN: Cow<'static, str> = Cow::Borrowed("unknown");

impl Family {
    /// The family that is written where the event tells none.
    pub const UNKNOWN: Self = Self::Unknown(UNKNOWN);

    /// The family as it stands in records.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Task => "task",
            Self::Workflow => "workflow",
            Self::Moderation => "moderation",
            Self::Unknown(word) => word,
        }
    }
}

impl Outcome {
    /// The outcome that is written where the state tells none.
    pub const UNKNOWN: Self = Self::Unknown(UNKNOWN);

    /// The outcome as it stands in records.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Partial => "partial",
            Self::Pending => "pending",
            Self::Cancelled => "cancelled",
            Self::Unknown(word) => word,
        }
    }
}

impl Verdict {
    /// The verdict that is written where the vendor's number tells none.
    pub const UNKNOWN: Self = Self::Unknown(UNKNOWN);

    /// The verdict as it stands in records.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Normal => "normal",
            Self::Sensitive => "sensitive",
            Self::Suspected => "suspected",
            Self::Unknown(word) => word,
        }
    }
}

impl Forbidden {
    /// The word as it stands in records.
    pub fn as_str(&self) -> &str {
        match self {
            Self::None => "none",
            Self::Frozen => "frozen",
            Self::Moved => "moved",
            Self::Unknown(word) => word,
        }
    }
}

impl Default for Outcome {
    fn default() -> Self {
        Self::UNKNOWN
    }
}

impl Default for Verdict {
    fn default() -> Self {
        Self::UNKNOWN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads each word, writes it, and says it.
    macro_rules! words {
        ($set:ty, $($word:literal => $value:pat),+) => {$(
            let json = concat!('"', $word, '"');
            let read: $set = serde_json::from_str(json).unwrap();
            assert!(matches!(read, $value), "{read:?}");
            assert_eq!(read.as_str(), $word);
            assert_eq!(serde_json::to_string(&read).unwrap(), json);
        )+};
    }

    #[test]
    fn words_are_read_as_they_are_written_and_later_ones_are_kept() {
        words!(Family, "task" => Family::Task, "workflow" => Family::Workflow,
            "moderation" => Family::Moderation, "unknown" => Family::Unknown(_),
            "Task" => Family::Unknown(_), "later" => Family::Unknown(_));
        words!(Outcome, "succeeded" => Outcome::Succeeded, "failed" => Outcome::Failed,
            "partial" => Outcome::Partial, "pending" => Outcome::Pending,
            "cancelled" => Outcome::Cancelled, "unknown" => Outcome::Unknown(_),
            "later" => Outcome::Unknown(_));
        words!(Verdict, "normal" => Verdict::Normal, "sensitive" => Verdict::Sensitive,
            "suspected" => Verdict::Suspected, "unknown" => Verdict::Unknown(_),
            "later" => Verdict::Unknown(_));
        words!(Forbidden, "none" => Forbidden::None, "frozen" => Forbidden::Frozen,
            "moved" => Forbidden::Moved, "later" => Forbidden::Unknown(_));
    }

    #[test]
    fn what_is_no_text_is_no_word() {
        for json in ["null", "1", "{}", "[]", r#"{"task":1}"#] {
            assert!(serde_json::from_str::<Family>(json).is_err(), "{json}");
        }
    }
}
