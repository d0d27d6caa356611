//! Metrics in CloudWatch's embedded metric format: a JSON line whose `_aws` says which of its members
//! are metrics.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer, ser::SerializeMap};

/// The namespace of the metrics in CloudWatch.
const NAMESPACE: &str = "CloudInfiniteCallback";

/// The dimension that tells two receivers of one account apart.
const FUNCTION_NAME: &str = "FunctionName";

/// A metric's name and what it measured.
pub(crate) type Metric = (&'static str, Amount);

/// Writes one line: each metric by function, and by function and `dimensions` together.
pub(crate) fn write_line(
    lines: &mut Vec<u8>,
    function_name: &str,
    metrics: &[Metric],
    dimensions: &[(&'static str, &str)],
) -> std::io::Result<()> {
    let line = Line {
        function_name,
        metrics,
        dimensions,
    };
    serde_json::to_writer(&mut *lines, &line)?;
    lines.push(b'\n');
    Ok(())
}

/// What a metric measures.
#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
pub(crate) enum Amount {
    Count(usize),
    Bytes(usize),
    Millis(f64),
}

impl Amount {
    fn unit(self) -> &'static str {
        match self {
            Self::Count(_) => "Count",
            Self::Bytes(_) => "Bytes",
            Self::Millis(_) => "Milliseconds",
        }
    }
}

/// A line of the embedded metric format.
struct Line<'l> {
    function_name: &'l str,
    metrics: &'l [Metric],
    dimensions: &'l [(&'static str, &'l str)],
}

/// What its `_aws` says: which of its members are metrics and dimensions.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    timestamp: u64,
    cloud_watch_metrics: [Directive; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: &'static str,
    dimensions: Vec<Vec<&'static str>>,
    metrics: Vec<Definition>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: &'static str,
    unit: &'static str,
}

impl Line<'_> {
    fn metadata(&self) -> Metadata {
        let mut dimensions = vec![vec![FUNCTION_NAME]];
        if !self.dimensions.is_empty() {
            let names = self.dimensions.iter().map(|(name, _)| *name);
            dimensions.push([FUNCTION_NAME].into_iter().chain(names).collect());
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let definition = |(name, amount): &Metric| Definition {
            name,
            unit: amount.unit(),
        };
        Metadata {
            timestamp: now.as_millis() as u64,
            cloud_watch_metrics: [Directive {
                namespace: NAMESPACE,
                dimensions,
                metrics: self.metrics.iter().map(definition).collect(),
            }],
        }
    }
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("_aws", &self.metadata())?;
        line.serialize_entry(FUNCTION_NAME, self.function_name)?;
        for (name, value) in self.dimensions {
            line.serialize_entry(name, value)?;
        }
        for (name, amount) in self.metrics {
            line.serialize_entry(name, amount)?;
        }
        line.end()
    }
}
