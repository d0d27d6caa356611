//! Formats metrics in CloudWatch's embedded metric format: a JSON line whose member `_aws` lists which other
//! members are metrics.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::Serialize;

/// The namespace of the metrics in CloudWatch.
const NAMESPACE: &str = "CloudInfiniteCallback";

/// The dimensions of the function's metrics: they distinguish the receivers of an account.
const FUNCTION: Dimensions = &[&["FunctionName"]];

/// The dimensions of a count of records: the function alone, and with family and outcome.
const RECORDS: Dimensions = &[&["FunctionName"], &["FunctionName", "family", "outcome"]];

type Dimensions = &'static [&'static [&'static str]];

/// A line of the embedded metric format.
pub(crate) struct EmfLine<'m> {
    members: BTreeMap<&'static str, EmfValue<'m>>,
    of_function: Vec<Definition>,
    of_records: Vec<Definition>,
}

/// The value of a member: of a metric or a dimension.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum EmfValue<'m> {
    Count(usize),
    Millis(f64),
    Text(&'m str),
    Metadata(Metadata),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Metadata {
    /// In milliseconds since 1970.
    timestamp: u64,
    cloud_watch_metrics: Vec<Directive>,
}

/// Metrics with the same dimensions.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: &'static str,
    dimensions: Dimensions,
    metrics: Vec<Definition>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: &'static str,
    unit: &'static str,
}

impl<'m> EmfLine<'m> {
    /// Creates a line without metrics.
    pub(crate) fn new(function_name: &'m str) -> Self {
        Self {
            members: BTreeMap::from([("FunctionName", EmfValue::Text(function_name))]),
            of_function: Vec::new(),
            of_records: Vec::new(),
        }
    }

    /// Adds a metric of the function.
    pub(crate) fn add(&mut self, name: &'static str, value: EmfValue<'m>) {
        let unit = match value {
            EmfValue::Millis(_) => "Milliseconds",
            _ => "Count",
        };
        self.members.insert(name, value);
        self.of_function.push(Definition { name, unit });
    }

    /// Adds the number of records of a published callback with a family and an outcome. A line can contain only
    /// one such number.
    pub(crate) fn add_records(&mut self, family: &'m str, outcome: &'m str, count: usize) {
        let name = "RecordsPublished";
        self.members.insert("family", EmfValue::Text(family));
        self.members.insert("outcome", EmfValue::Text(outcome));
        self.members.insert(name, EmfValue::Count(count));
        let unit = "Count";
        self.of_records.push(Definition { name, unit });
    }

    /// Returns the line, or `None` if it has no metric.
    pub(crate) fn into_json(mut self) -> Option<String> {
        let groups = [(FUNCTION, self.of_function), (RECORDS, self.of_records)];
        let groups = groups
            .into_iter()
            .filter(|(_, metrics)| !metrics.is_empty());
        let cloud_watch_metrics: Vec<_> = groups
            .map(|(dimensions, metrics)| Directive {
                namespace: NAMESPACE,
                dimensions,
                metrics,
            })
            .collect();
        if cloud_watch_metrics.is_empty() {
            return None;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let metadata = Metadata {
            timestamp: now.unwrap_or_default().as_millis() as u64,
            cloud_watch_metrics,
        };
        self.members.insert("_aws", EmfValue::Metadata(metadata));
        let mut line = serde_json::to_string(&self.members).ok()?;
        line.push('\n');
        Some(line)
    }
}
