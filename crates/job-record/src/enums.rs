//! The enums of a record. The variant `Unknown` preserves the value, so that a program can read values of later
//! versions of the function.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The kind of callback that reported a job.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(title = "Family")
)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Family {
    /// A job of one of Tencent's queues. It is an element of `JobsDetail` that has a `Tag`, an `Operation`, the
    /// event `TaskFinish`, or no event.
    Task,
    /// A workflow run: `WorkflowExecution`.
    Workflow,
    /// A moderation job. It is a body with `code` and `data`, or an element of `JobsDetail` whose event begins
    /// with `Review`. An element that has no event, no `Tag` and no `Operation` is also moderation if it has a
    /// `Result`, a `Suggestion` or a scene. Virus detection is moderation with any event: it has a
    /// `DetectDetail`, or a `Suggestion` that is `normal` or `block`.
    Moderation,
    /// `unknown`: any other element of `JobsDetail`. Treat unknown values like `unknown`.
    #[serde(untagged)]
    Unknown(Cow<'static, str>),
}

/// The meaning of a job's state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(title = "Outcome")
)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Outcome {
    /// The job and all its parts succeeded: the state is `Success`. Without a state, `Code` is `Success` or
    /// `0`.
    Succeeded,
    /// The job failed: the state is `Failed`. Without a state, `Code` has any other value.
    Failed,
    /// The job succeeded, but some of its parts failed: see `problems`.
    Partial,
    /// The job has not ended: `Submitted`, `Running`, `Auditing`, `Snapshoting`, `Pause`.
    Pending,
    /// The job was cancelled: `Cancel`.
    Cancelled,
    /// `unknown`: the state is unknown, or there is neither a state nor a code. Treat unknown values like
    /// `unknown`.
    #[serde(untagged)]
    Unknown(Cow<'static, str>),
}

/// The verdict of moderation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(title = "Verdict")
)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Verdict {
    /// Nothing was found (0).
    Normal,
    /// The content is not allowed (1).
    Sensitive,
    /// The content requires human review (2).
    Suspected,
    /// `unknown`: there is no verdict. Do not treat this value like `normal`. Treat unknown values like
    /// `unknown`.
    #[serde(untagged)]
    Unknown(Cow<'static, str>),
}

/// The action that Tencent performed on an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(title = "Forbidden")
)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Forbidden {
    /// No action (0).
    None,
    /// The object cannot be read (1).
    Frozen,
    /// The object was moved to a backup bucket (2).
    Moved,
    /// A value that a later version added.
    #[serde(untagged)]
    Unknown(Cow<'static, str>),
}

/// The value that the function writes for an unknown value.
const UNKNOWN: Cow<'static, str> = Cow::Borrowed("unknown");

impl Family {
    /// The family of an unknown job.
    pub const UNKNOWN: Self = Self::Unknown(UNKNOWN);

    /// Returns the value that records contain.
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
    /// The outcome of an unknown state.
    pub const UNKNOWN: Self = Self::Unknown(UNKNOWN);

    /// Returns the value that records contain.
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
    /// The verdict of a job without a verdict.
    pub const UNKNOWN: Self = Self::Unknown(UNKNOWN);

    /// Returns the value that records contain.
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
    /// Returns the value that records contain.
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

    /// Reads and writes each value.
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
    fn words_are_read_and_written_and_unknown_words_are_kept() {
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
    fn only_text_is_a_word() {
        for json in ["null", "1", "{}", "[]", r#"{"task":1}"#] {
            assert!(serde_json::from_str::<Family>(json).is_err(), "{json}");
        }
    }
}
