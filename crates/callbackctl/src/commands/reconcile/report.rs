//! What a run prints: a line for each job, the counts, and the metric.

use std::io;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::terminal::say;

/// What became of a job that ended in the window.
pub(super) enum JobResult {
    Published,
    Received,
    WouldBePublished,
    /// Not published, with the reason: another run or the operator has to handle it.
    Left(String),
}

/// The lines of a run, and what they count.
pub(super) struct Report {
    is_json: bool,
    /// The jobs on the vendor's lists.
    pub(super) listed: usize,
    received: usize,
    pub(super) published: usize,
    would_be_published: usize,
    pub(super) left: usize,
}

impl Report {
    pub(super) fn new(is_json: bool) -> Self {
        Self {
            is_json,
            listed: 0,
            received: 0,
            published: 0,
            would_be_published: 0,
            left: 0,
        }
    }

    /// Returns how many jobs were published, or would be.
    pub(super) fn chosen(&self) -> usize {
        self.published + self.would_be_published
    }

    /// Counts a job and prints its line.
    pub(super) fn job(&mut self, id: &str, result: &JobResult) -> io::Result<()> {
        let (count, word) = match result {
            JobResult::Published => (&mut self.published, "published"),
            JobResult::Received => (&mut self.received, "received"),
            JobResult::WouldBePublished => (&mut self.would_be_published, "would be published"),
            JobResult::Left(_) => (&mut self.left, "left"),
        };
        *count += 1;
        say(&match (self.is_json, result) {
            (true, JobResult::Left(reason)) => {
                json!({ "id": id, "result": word, "reason": reason }).to_string()
            }
            (true, _) => json!({ "id": id, "result": word }).to_string(),
            (false, JobResult::Left(reason)) => format!("{id}  {word}: {reason}"),
            (false, _) => format!("{id}  {word}"),
        })
    }

    /// Prints the counts.
    pub(super) fn summary(&self) -> io::Result<()> {
        let counts = [
            ("listed", self.listed),
            ("ended", self.received + self.chosen() + self.left),
            ("received", self.received),
            ("published", self.published),
            ("left", self.left),
        ];
        say(&if self.is_json {
            let members = counts.map(|(name, count)| (name.to_owned(), count.into()));
            Value::Object(members.into_iter().collect()).to_string()
        } else {
            counts
                .map(|(name, count)| format!("{name} {count}"))
                .join(", ")
        })
    }

    /// Prints how many jobs of a bucket were published, in CloudWatch's embedded metric format.
    pub(super) fn metric(&self, bucket: &str) -> io::Result<()> {
        let line = json!({
            "_aws": {
                "Timestamp": Timestamp::now().as_millisecond(),
                "CloudWatchMetrics": [{
                    "Namespace": "CloudInfiniteCallback",
                    "Dimensions": [["Bucket"]],
                    "Metrics": [{ "Name": "Reconciled", "Unit": "Count" }],
                }],
            },
            "Bucket": bucket,
            "Reconciled": self.published,
        });
        say(&line.to_string())
    }
}
