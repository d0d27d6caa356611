//! The window of a run: the jobs that ended in it, and the jobs to list for that.

use clap::Args;
use jiff::{SignedDuration, Timestamp, tz::Offset};

use crate::event_log::CLOCK_SKEW;

/// The longest time of an argument, in days: ten years, more than the vendor keeps any job.
const MAX_DAYS: i64 = 3660;

/// The vendor does not document whether the edges of a window of creation belong to it.
const EDGE: SignedDuration = SignedDuration::from_secs(1);

/// Times back from now.
#[derive(Args)]
pub(crate) struct WindowArguments {
    /// Only jobs that ended at most this long ago: 90s, 5m, 2h, 1d
    #[arg(long, value_name = "TIME", default_value = "2h", value_parser = duration)]
    since: SignedDuration,
    /// Only jobs that ended at least this long ago: the callbacks of others may be on their way
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = duration)]
    until: SignedDuration,
    /// The longest time that a job takes: the vendor lists jobs by their creation only
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = duration)]
    longest_job: SignedDuration,
}

/// The times of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// The end of its jobs, both times included.
    ended_from: Timestamp,
    ended_until: Timestamp,
    /// A job cannot have ended later.
    last_end: Timestamp,
    /// The creation of the jobs to list.
    pub(crate) created_from: Timestamp,
    pub(crate) created_until: Timestamp,
    /// The time since which the callbacks of its jobs can have arrived.
    pub(crate) received_from: Timestamp,
}

impl WindowArguments {
    /// Returns the window of a run that begins now, or `None` if it is empty.
    pub(crate) fn window(&self, now: Timestamp) -> Option<Window> {
        let (ended_from, ended_until) = (now - self.since, now - self.until);
        (ended_from < ended_until).then(|| Window {
            ended_from,
            ended_until,
            last_end: now + CLOCK_SKEW,
            created_from: ended_from - self.longest_job - EDGE,
            created_until: ended_until + EDGE,
            received_from: ended_from - CLOCK_SKEW,
        })
    }
}

impl Window {
    /// Returns whether a job can have ended then.
    pub(crate) fn is_possible(&self, ended_at: Timestamp) -> bool {
        ended_at <= self.last_end
    }

    /// Returns whether a job that ended then belongs to the window.
    pub(crate) fn contains(&self, ended_at: Timestamp) -> bool {
        (self.ended_from..=self.ended_until).contains(&ended_at)
    }
}

/// Returns a time in the form of the vendor's parameters: Beijing time, without fractions.
pub(crate) fn vendor_time(time: Timestamp) -> String {
    let local = Offset::constant(8).to_datetime(time);
    format!("{}+0800", local.strftime("%Y-%m-%dT%H:%M:%S"))
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    let expected = || "expected a time like 90s, 5m, 2h or 1d".to_owned();
    let unit = text.chars().last().ok_or_else(expected)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return Err(expected()),
    };
    let number = &text[..text.len() - unit.len_utf8()];
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(expected());
    }
    let number: i64 = number.parse().map_err(|_| expected())?;
    let total = number.checked_mul(seconds).ok_or_else(expected)?;
    if total > MAX_DAYS * 24 * 60 * 60 {
        return Err(format!("expected at most {MAX_DAYS} days"));
    }
    Ok(SignedDuration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time of a test")
    }

    #[test]
    fn a_window_has_its_edges_and_lists_the_jobs_that_may_have_ended_in_it() {
        let arguments = WindowArguments {
            since: SignedDuration::from_hours(2),
            until: SignedDuration::from_mins(5),
            longest_job: SignedDuration::from_hours(24),
        };
        let window = arguments
            .window(time("2026-11-25T12:00:00Z"))
            .expect("it is one");
        for (end, is_inside) in [
            ("2026-11-25T09:59:59Z", false),
            ("2026-11-25T10:00:00Z", true),
            ("2026-11-25T11:55:00Z", true),
            ("2026-11-25T11:55:01Z", false),
        ] {
            assert_eq!(window.contains(time(end)), is_inside, "{end}");
        }
        assert_eq!(vendor_time(window.created_from), "2026-11-24T17:59:59+0800");
        assert_eq!(
            vendor_time(window.created_until),
            "2026-11-25T19:55:01+0800"
        );
        assert_eq!(window.received_from, time("2026-11-25T09:45:00Z"));
    }

    #[test]
    fn a_window_that_ends_before_it_begins_is_not_one() {
        for (since, until) in [(300, 300), (299, 300)] {
            let arguments = WindowArguments {
                since: SignedDuration::from_secs(since),
                until: SignedDuration::from_secs(until),
                longest_job: SignedDuration::from_hours(24),
            };
            assert_eq!(arguments.window(Timestamp::now()), None);
        }
    }

    #[test]
    fn times_are_numbers_with_a_unit() {
        for (text, seconds) in [
            ("90s", 90),
            ("5m", 300),
            ("2h", 7200),
            ("1d", 86400),
            ("0s", 0),
        ] {
            assert_eq!(
                duration(text),
                Ok(SignedDuration::from_secs(seconds)),
                "{text}"
            );
        }
        for text in [
            "",
            "5",
            "m",
            "-5m",
            "+5m",
            "5 m",
            "1w",
            "5分",
            "9223372036854775807d",
            "3661d",
        ] {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }
}
