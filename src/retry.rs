//! Retries a call with back-off, until its deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

/// Why an attempt at a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The error of the service or of the connection, without quoting the request.
    pub(crate) reason: String,
    pub(crate) kind: FaultKind,
}

/// Whether another attempt may succeed. Of several faults, the last kind in this order is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FaultKind {
    /// The service always rejects this request. Other requests may succeed.
    Refused,
    /// The same request may succeed later.
    Transient,
    /// The service rejects all requests until a configuration is changed.
    Permanent,
}

/// The longest wait before the second attempt. It doubles for each later one.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);

/// The longest wait between two attempts: a longer one would delay recovery.
const MAX_BACKOFF: Duration = Duration::from_millis(400);

/// The time reserved for the last attempt: SQS responds in 20 ms.
const LAST_ATTEMPT_TIME: Duration = Duration::from_millis(100);

/// The result of a call and of its retries.
pub(crate) struct Retried<T> {
    /// The result of the call, or the last fault. The call may still have succeeded, because its response may
    /// be lost.
    pub(crate) result: Result<T, Fault>,
    /// The number of attempts after the first.
    pub(crate) retries: usize,
}

/// Retries a call with back-off until it succeeds, fails permanently, or reaches its deadline. The last
/// attempt starts [`LAST_ATTEMPT_TIME`] before the deadline, so that the call can succeed
/// after a fault that lasts until then.
pub(crate) async fn retry<T>(
    deadline: Instant,
    mut attempt: impl AsyncFnMut() -> Result<T, Fault>,
) -> Retried<T> {
    let begin = Instant::now();
    let mut backoff = FIRST_BACKOFF;
    let mut last: Option<Fault> = None;
    let mut retries = 0;
    loop {
        let is_final = match timeout_at(deadline, attempt()).await {
            Ok(Ok(done)) => {
                return Retried {
                    result: Ok(done),
                    retries,
                };
            }
            Ok(Err(fault)) => {
                let is_transient = fault.kind == FaultKind::Transient;
                last = Some(fault);
                !is_transient
            }
            Err(_) => true,
        };
        let rest = deadline.saturating_duration_since(Instant::now());
        if is_final || rest <= LAST_ATTEMPT_TIME {
            return Retried {
                result: Err(summary(last, retries, begin.elapsed())),
                retries,
            };
        }
        // Jitter: half of it is random, so that functions that failed together do not retry together.
        let wait = backoff.mul_f64(0.5 + fastrand::f64() / 2.0);
        sleep(wait.min(rest - LAST_ATTEMPT_TIME)).await;
        backoff = (2 * backoff).min(MAX_BACKOFF);
        retries += 1;
    }
}

/// Returns the last fault, with the number of attempts if there were several.
fn summary(last: Option<Fault>, retries: usize, elapsed: Duration) -> Fault {
    let millis = elapsed.as_millis();
    let Some(Fault { mut reason, kind }) = last else {
        return Fault {
            reason: format!("request timed out after {millis} ms"),
            kind: FaultKind::Transient,
        };
    };
    if retries > 0 {
        reason += &format!("; tried {} times in {millis} ms", retries + 1);
    }
    Fault { reason, kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn attempts_go_on_until_the_deadline_with_short_waits() {
        let begin = Instant::now();
        let deadline = begin + Duration::from_secs(10);
        let mut times = Vec::new();
        let tried = retry(deadline, async || {
            times.push(begin.elapsed());
            Err::<(), _>(Fault {
                reason: "Throttling".to_owned(),
                kind: FaultKind::Transient,
            })
        });
        let Retried { result, retries } = tried.await;
        let Fault { reason, .. } = result.expect_err("each try fails");
        assert_eq!(retries, times.len() - 1);
        let tried = times.len();
        assert_eq!(
            reason,
            format!("Throttling; tried {tried} times in 9900 ms")
        );
        for pair in times.windows(2) {
            let wait = pair[1] - pair[0];
            // The test clock has a resolution of one millisecond.
            assert!(wait <= MAX_BACKOFF + Duration::from_millis(1), "{times:?}");
        }
        assert!(tried < 60, "{times:?}");
        assert!(deadline - (begin + times[tried - 1]) <= LAST_ATTEMPT_TIME);
    }
}
