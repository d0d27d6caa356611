//! Writes logs and metrics: one log line at the start, one for each invocation, and metrics in CloudWatch's
//! embedded metric format.
//!
//! A log line is a message with fields. It never contains a body, a token, a signed URL or a header value.
//! Only this crate logs: the libraries log complete requests at levels below INFO, and return their failures
//! as errors, which are logged here.

mod json;

use std::{collections::BTreeMap, io::Write, time::Instant};

use cloud_infinite_job_record::{Event, Family};
use tracing::{Level, field, level_filters::LevelFilter};
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    answer::Answer,
    config::LogConfig,
    event::loggable_id,
    metrics::{EmfLine, EmfValue},
    publish::PublishStats,
};

/// The maximum number of event ids in a log line: with the longest ids they have 13 KB.
pub const MAX_EVENT_IDS: usize = 100;

/// Initializes logging, and the panic hook.
pub fn init(config: LogConfig) {
    let targets = Targets::new()
        .with_target("cloud_infinite_callback", config.level)
        .with_target("callback", config.level)
        .with_default(LevelFilter::OFF);
    let registry = tracing_subscriber::registry().with(targets);
    if config.json {
        registry.with(fmt::layer().event_format(json::Json)).init();
    } else {
        registry
            .with(fmt::layer().with_ansi(false).without_time())
            .init();
    }
    // The message of a panic may quote the body: only its location is logged.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(panic.location = place, "panicked");
    }));
}

/// The measurements of one invocation.
pub(crate) struct Invocation {
    begin: Instant,
    request_id: String,
    /// Which token the request has: see [`Authenticated::token_index`].
    ///
    /// [`Authenticated::token_index`]: crate::auth::Authenticated::token_index
    pub(crate) token_index: Option<u32>,
    /// The size of the body. Absent if it was not decoded.
    pub(crate) body_bytes: Option<usize>,
    /// The measurements of publishing.
    pub(crate) stats: PublishStats,
    /// The records of the body.
    pub(crate) records: Records,
}

/// The jobs of an invocation and their records. If publishing stops early, later jobs have no record.
#[derive(Debug, Default)]
pub(crate) struct Records {
    /// The number of jobs.
    pub(crate) jobs: usize,
    /// The job id of the first record that has one.
    job_id: Option<String>,
    by_family_and_outcome: BTreeMap<(Family, cloud_infinite_job_record::Outcome), usize>,
}

impl Invocation {
    /// Starts measuring.
    pub(crate) fn begin(request_id: &str) -> Self {
        Self {
            begin: Instant::now(),
            request_id: request_id.to_owned(),
            token_index: None,
            body_bytes: None,
            stats: PublishStats::default(),
            records: Records::default(),
        }
    }
}

impl Records {
    /// Counts a record.
    pub(crate) fn count<D>(&mut self, event: &Event<'_, D>) {
        let record = &event.data;
        if self.job_id.is_none() {
            self.job_id = record
                .job_id
                .as_ref()
                .map(|id| loggable_id(id).into_owned());
        }
        *self
            .by_family_and_outcome
            .entry((record.family.clone(), record.outcome.clone()))
            .or_default() += 1;
    }
}

/// Writes the log line and the metrics of invocations.
pub(crate) struct Telemetry {
    function_name: String,
}

impl Telemetry {
    /// Creates the telemetry of a function.
    pub(crate) fn new(function_name: String) -> Self {
        Self { function_name }
    }

    /// Writes the log line and the metrics of an answered invocation.
    pub(crate) fn report(&self, invocation: Invocation, answer: &Answer) {
        log(&invocation, answer);
        // Metrics are written in one call, at every log level.
        let lines = self.metrics(&invocation, answer);
        if let Err(error) = std::io::stdout().write_all(lines.as_bytes()) {
            tracing::error!(%error, "could not write metrics");
        }
    }

    /// Returns the lines of metrics. A line has one value for each dimension, so each further combination of
    /// family and outcome requires another line.
    fn metrics(&self, invocation: &Invocation, answer: &Answer) -> String {
        let mut line = EmfLine::new(&self.function_name);
        if let Some(name) = answer.metric() {
            line.add(name, EmfValue::Count(1));
        }
        let PublishStats {
            queue_time,
            retries,
            oversize,
        } = invocation.stats;
        if !queue_time.is_zero() {
            let millis = queue_time.as_secs_f64() * 1000.0;
            line.add("PublishMillis", EmfValue::Millis(millis));
        }
        for (name, count) in [("PublishRetries", retries), ("Oversize", oversize)] {
            if count > 0 {
                line.add(name, EmfValue::Count(count));
            }
        }
        let mut lines = String::new();
        if let Answer::Published { .. } = answer {
            for ((family, outcome), count) in &invocation.records.by_family_and_outcome {
                line.add_records(family.as_str(), outcome.as_str(), *count);
                lines.extend(line.into_json());
                line = EmfLine::new(&self.function_name);
            }
        }
        lines.extend(line.into_json());
        lines
    }
}

fn log(invocation: &Invocation, answer: &Answer) {
    let Records {
        jobs,
        job_id,
        by_family_and_outcome: records,
    } = &invocation.records;
    let family = records.keys().next().map(|(family, _)| family.as_str());
    let outcomes: Vec<_> = records
        .keys()
        .map(|(_, outcome)| outcome.as_str())
        .collect();
    let ids = match answer {
        Answer::Published { ids } => Some(&ids[..]),
        _ => None,
    };
    let count = ids.map(<[_]>::len).filter(|count| *count > MAX_EVENT_IDS);
    let ids = ids.map(loggable_ids);
    // A macro, since tracing needs a constant level.
    macro_rules! line {
        ($level:expr) => {
            tracing::event!(
                $level,
                request.id = invocation.request_id,
                token.index = invocation.token_index,
                job.id = job_id,
                jobs,
                callback.family = family,
                callback.outcome = outcomes.join(","),
                body.bytes = invocation.body_bytes,
                http.status = answer.status().as_u16(),
                duration.millis = invocation.begin.elapsed().as_millis() as u64,
                vault.key = answer.key(),
                event.ids = ids.as_deref().map(field::display),
                event.count = count,
                reason = answer.reason(),
                "{}",
                answer.message()
            )
        };
    }
    match answer.level() {
        Level::ERROR => line!(Level::ERROR),
        Level::WARN => line!(Level::WARN),
        Level::INFO => line!(Level::INFO),
        _ => line!(Level::DEBUG),
    }
}

/// Returns the first ids of events as a JSON array.
fn loggable_ids(ids: &[String]) -> String {
    let ids = ids.iter().take(MAX_EVENT_IDS);
    let ids: Vec<_> = ids.map(|id| loggable_id(id)).collect();
    serde_json::to_string(&ids).unwrap_or_default()
}
