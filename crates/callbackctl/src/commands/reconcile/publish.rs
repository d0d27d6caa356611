//! The jobs of a run: those that were not received are published.

use super::{
    report::JobResult,
    run::{Run, Stop},
};
use crate::{
    answered_job::{AnsweredJob, Stage},
    sender::BATCH,
};

impl Run<'_> {
    /// Returns a job that ended in the window and was not received. One whose state is unknown is not
    /// published: it may not be over.
    pub(super) async fn unless_received(
        &mut self,
        job: AnsweredJob,
    ) -> Result<Option<AnsweredJob>, Stop> {
        let ended_at = job.ended_at.filter(|end| self.window.is_possible(*end));
        let is_in_window = ended_at.is_none_or(|end| self.window.contains(end));
        if job.stage == Stage::Pending || !is_in_window {
            return Ok(None);
        }
        if !self.api.is_printable(&job.id) {
            self.leave(
                None,
                "its id contains a part of the vendor's key".to_owned(),
            )?;
            return Ok(None);
        }
        if let Some(log) = &mut self.log {
            if ended_at.is_none() {
                // Without an end time, its callback may have arrived at any time since its creation.
                let read = log.read_since(self.window.created_from).await;
                read.map_err(Stop::Fault)?;
            }
            if log.has(&job) {
                self.report.job(&job.id, &JobResult::Received)?;
                return Ok(None);
            }
        }
        if job.stage == Stage::Unknown {
            let reason = "its state is unknown: callbackctl lookup ID --publish sends it";
            self.leave(Some(&job.id), reason.to_owned())?;
            return Ok(None);
        }
        Ok(Some(job))
    }

    /// Publishes jobs, a batch at a time, unless they have been received by now.
    pub(super) async fn publish(&mut self, jobs: Vec<AnsweredJob>) -> Result<(), Stop> {
        let mut jobs = jobs.into_iter().peekable();
        while jobs.peek().is_some() {
            if let (Some(log), Some(_)) = (&mut self.log, &self.sender) {
                // Callbacks that were late, and what another run has published.
                log.refresh().await.map_err(Stop::Fault)?;
                log.create_stream().await.map_err(Stop::Fault)?;
            }
            let mut batch = Vec::new();
            for job in jobs.by_ref().take(BATCH) {
                let is_received = self.log.as_ref().is_some_and(|log| log.has(&job));
                let chosen = self.report.chosen() + batch.len();
                if is_received {
                    self.report.job(&job.id, &JobResult::Received)?;
                } else if self.arguments.limit.is_some_and(|limit| chosen >= limit) {
                    self.leave(Some(&job.id), "the limit is reached".to_owned())?;
                } else if self.sender.is_none() {
                    self.report.job(&job.id, &JobResult::WouldBePublished)?;
                } else {
                    batch.push(job);
                }
            }
            self.publish_batch(&batch).await?;
        }
        Ok(())
    }

    async fn publish_batch(&mut self, batch: &[AnsweredJob]) -> Result<(), Stop> {
        let Some(sender) = self.sender.as_mut().filter(|_| !batch.is_empty()) else {
            return Ok(());
        };
        let results = sender.publish(batch).await;
        let published: Vec<_> = batch
            .iter()
            .zip(&results)
            .filter(|(_, result)| result.is_ok())
            .map(|(job, _)| job.id.clone())
            .collect();
        if let Some(log) = &mut self.log {
            // The jobs are already on the queue. Without the line, the next run publishes them again.
            if let Err(reason) = log.add(&published).await {
                self.fail(&reason);
            }
        }
        for (job, result) in batch.iter().zip(results) {
            let result = result.map_or_else(JobResult::Left, |()| JobResult::Published);
            self.report.job(&job.id, &result)?;
        }
        Ok(())
    }
}
