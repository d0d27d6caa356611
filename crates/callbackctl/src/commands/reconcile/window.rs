//! Computes the time window of a run, and the creation times of the jobs to list.

use anyhow::{Context, ensure};
use clap::Args;
use jiff::{SignedDuration, Timestamp, tz::Offset};

/// The maximum clock skew between AWS and Tencent, which rejects requests with a larger one.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(15);

/// The margin at both ends of the creation times: Tencent does not document whether they are inclusive.
const EDGE: SignedDuration = SignedDuration::from_secs(1);

/// The command-line arguments of the time window, relative to now.
#[derive(Args)]
pub(super) struct WindowArgs {
    /// Only jobs that ended at most this long ago: 90s, 5m, 2h
    #[arg(long, value_name = "TIME", default_value = "2h")]
    since: SignedDuration,
    /// Only jobs that ended at least this long ago: the callbacks of later jobs may not have arrived yet
    #[arg(long, value_name = "TIME", default_value = "5m")]
    until: SignedDuration,
    /// The maximum duration of a job: Tencent lists jobs by creation time only
    #[arg(long, value_name = "TIME", default_value = "24h")]
    longest_job: SignedDuration,
}

/// The time window of a run.
pub(super) struct Window {
    /// The end times of its jobs, inclusive.
    ended_from: Timestamp,
    ended_until: Timestamp,
    /// The latest possible end time of a job.
    last_end: Timestamp,
    /// The creation times of the jobs to list.
    pub(super) created_from: Timestamp,
    pub(super) created_until: Timestamp,
    /// The earliest time at which the callbacks of its jobs can have arrived.
    pub(super) received_from: Timestamp,
}

impl WindowArgs {
    /// Returns the time window of a run that starts now.
    ///
    /// # Errors
    /// Returns an error if the time window is empty, or too far in the past.
    pub(super) fn window(&self, now: Timestamp) -> anyhow::Result<Window> {
        let times = [self.since, self.until, self.longest_job];
        let is_valid = times.iter().all(|time| !time.is_negative()) && self.until < self.since;
        ensure!(
            is_valid,
            "--until must be shorter than --since, and no duration may be negative"
        );
        let (ended_from, ended_until) = (now.checked_sub(self.since)?, now - self.until);
        let created_from = ended_from
            .checked_sub(self.longest_job)
            .and_then(|time| time.checked_sub(EDGE));
        Ok(Window {
            ended_from,
            ended_until,
            last_end: now + CLOCK_SKEW,
            created_from: created_from.context("--since and --longest-job are too long")?,
            created_until: ended_until + EDGE,
            received_from: ended_from - CLOCK_SKEW,
        })
    }
}

impl Window {
    /// Returns whether an end time is possible.
    pub(super) fn is_possible(&self, ended_at: Timestamp) -> bool {
        ended_at <= self.last_end
    }

    /// Returns whether the time window contains an end time.
    pub(super) fn contains(&self, ended_at: Timestamp) -> bool {
        (self.ended_from..=self.ended_until).contains(&ended_at)
    }
}

/// Formats a time for Tencent's query parameters: Beijing time, in whole seconds.
pub(super) fn vendor_time(time: Timestamp) -> String {
    let local = Offset::constant(8).to_datetime(time);
    format!("{}+0800", local.strftime("%Y-%m-%dT%H:%M:%S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(since: &str, until: &str, longest_job: &str) -> anyhow::Result<Window> {
        let [since, until, longest_job] =
            [since, until, longest_job].map(|text| text.parse().expect("a duration of a test"));
        let arguments = WindowArgs {
            since,
            until,
            longest_job,
        };
        arguments.window("2026-11-25T12:00:00Z".parse().expect("a time of a test"))
    }

    #[test]
    fn window_includes_its_edges_and_lists_earlier_jobs() {
        let window = window("2h", "5m", "24h").expect("it is valid");
        for (end, is_inside) in [
            ("2026-11-25T09:59:59Z", false),
            ("2026-11-25T10:00:00Z", true),
            ("2026-11-25T11:55:00Z", true),
            ("2026-11-25T11:55:01Z", false),
        ] {
            let end = end.parse().expect("a time of a test");
            assert_eq!(window.contains(end), is_inside, "{end}");
        }
        assert_eq!(vendor_time(window.created_from), "2026-11-24T17:59:59+0800");
        assert_eq!(
            vendor_time(window.created_until),
            "2026-11-25T19:55:01+0800"
        );
        assert_eq!(window.received_from.to_string(), "2026-11-25T09:45:00Z");
    }

    #[test]
    fn window_is_not_empty_and_not_before_all_times() {
        for (since, until, longest_job) in [
            ("5m", "5m", "24h"),
            ("2h", "-5m", "24h"),
            ("2h", "5m", "-1h"),
            ("2h", "5m", "2562047788015215h"),
        ] {
            let result = window(since, until, longest_job);
            assert!(result.is_err(), "{since} {until} {longest_job}");
        }
    }
}
