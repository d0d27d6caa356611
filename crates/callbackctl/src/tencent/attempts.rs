//! When a request is made again, and how often.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::error::ApiError;

/// The maximum number of tries of a request.
const MAX_TRIES: u32 = 5;

/// The wait before the second try, which doubles for each one after that.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);

/// The interval between requests: five a second. The vendor documents no limit for these requests. Its
/// limit for reading the settings of a bucket is ten a second.
const PACE: Duration = Duration::from_millis(200);

/// The pace and the retries of all requests.
pub(super) struct Attempts {
    /// When the next request may begin.
    next_at: Instant,
    /// One after a request whose last try failed with what may pass, until another request is answered:
    /// a run has some forty lists, and five time-outs for each of them would take an hour.
    max_tries: u32,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self {
            next_at: Instant::now(),
            max_tries: MAX_TRIES,
        }
    }

    /// Makes a request until it succeeds, fails for good, or was tried often enough.
    ///
    /// # Errors
    /// Returns the error of the last try.
    pub(super) async fn run<T>(
        &mut self,
        mut attempt: impl AsyncFnMut() -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let mut backoff = FIRST_BACKOFF;
        for tried in 1.. {
            sleep_until(self.next_at).await;
            self.next_at = Instant::now() + PACE;
            let result = attempt().await;
            let may_pass = result.as_ref().is_err_and(ApiError::may_pass);
            if !may_pass || tried >= self.max_tries {
                self.max_tries = if may_pass { 1 } else { MAX_TRIES };
                return result;
            }
            sleep(backoff).await;
            backoff *= 2;
        }
        unreachable!("it tries until it returns")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a request and returns the number of its tries. Each takes a second and has the same result.
    async fn tries(attempts: &mut Attempts, error: impl Fn() -> Option<ApiError>) -> u32 {
        let mut tries = 0;
        let result = attempts.run(async || {
            tries += 1;
            sleep(Duration::from_secs(1)).await;
            error().map_or(Ok(()), Err)
        });
        assert_eq!(result.await.is_ok(), error().is_none());
        tries
    }

    #[tokio::test(start_paused = true)]
    async fn a_vendor_that_fails_one_request_gets_one_try_for_each_other_until_it_answers() {
        let mut attempts = Attempts::new();
        let time_out = || Some(ApiError::TimedOut(Duration::from_secs(15)));
        let slow_down = || Some(ApiError::refused(503, Some("SlowDown".to_owned()), None));
        let begin = Instant::now();
        assert_eq!(tries(&mut attempts, slow_down).await, 5);
        let backoff = Duration::from_millis(500 + 1000 + 2000 + 4000);
        assert_eq!(begin.elapsed(), Duration::from_secs(5) + backoff);
        assert_eq!(tries(&mut attempts, time_out).await, 1);
        assert_eq!(tries(&mut attempts, slow_down).await, 1);
        assert_eq!(tries(&mut attempts, || None).await, 1);
        assert_eq!(tries(&mut attempts, time_out).await, 5);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_pass_is_tried_once() {
        for (status, code) in [(403, "SignatureDoesNotMatch"), (400, "InvalidArgument")] {
            let error = || Some(ApiError::refused(status, Some(code.to_owned()), None));
            assert_eq!(tries(&mut Attempts::new(), error).await, 1, "{code}");
        }
    }
}
