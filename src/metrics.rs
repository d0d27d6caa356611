//! Formats metrics in CloudWatch's embedded metric format: a JSON line whose member `_aws` lists which other
//! members are metrics.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer, ser::SerializeMap};

/// The namespace of the metrics in CloudWatch.
const NAMESPACE: &str = "CloudInfiniteCallback";

/// The dimension that distinguishes the receivers of an account.
const FUNCTION_NAME: &str = "FunctionName";

/// The name and the value of a metric.
pub(crate) type Metric = (&'static str, MetricValue);

/// A dimension's name and value.
pub(crate) type Dimension<'l> = (&'static str, &'l str);

/// The value of a metric, with its unit.
#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
pub(crate) enum MetricValue {
    Count(usize),
    Bytes(usize),
    Millis(f64),
}

impl MetricValue {
    fn unit(self) -> &'static str {
        match self {
            Self::Count(_) => "Count",
            Self::Bytes(_) => "Bytes",
            Self::Millis(_) => "Milliseconds",
        }
    }
}

/// A line of the embedded metric format.
pub(crate) struct EmfLine<'l> {
    function_name: &'l str,
    metrics: Vec<Metric>,
    with_dimensions: Option<(Metric, [Dimension<'l>; 2])>,
}

/// The member `_aws`: lists the members that are metrics and dimensions.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata {
    timestamp: u64,
    cloud_watch_metrics: Vec<Directive>,
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

impl From<&Metric> for Definition {
    fn from(&(name, value): &Metric) -> Self {
        let unit = value.unit();
        Self { name, unit }
    }
}

impl<'l> EmfLine<'l> {
    /// Creates a line without metrics.
    pub(crate) fn new(function_name: &'l str) -> Self {
        Self {
            function_name,
            metrics: Vec::new(),
            with_dimensions: None,
        }
    }

    /// Adds a metric with the dimension `FunctionName`.
    pub(crate) fn add(&mut self, name: &'static str, value: MetricValue) {
        self.metrics.push((name, value));
    }

    /// Adds a metric twice: with the dimension `FunctionName`, and with these dimensions as well. A line has
    /// one value for each dimension, so it can contain only one such metric.
    pub(crate) fn add_with_dimensions(&mut self, metric: Metric, dimensions: [Dimension<'l>; 2]) {
        self.with_dimensions = Some((metric, dimensions));
    }

    /// Whether the line has a metric with dimensions.
    pub(crate) fn has_dimensions(&self) -> bool {
        self.with_dimensions.is_some()
    }

    /// Appends the line to `lines`, unless it has no metric.
    pub(crate) fn write(&self, lines: &mut Vec<u8>) -> std::io::Result<()> {
        let cloud_watch_metrics = self.directives();
        if cloud_watch_metrics.is_empty() {
            return Ok(());
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let metadata = Metadata {
            timestamp: now.as_millis() as u64,
            cloud_watch_metrics,
        };
        let mut serializer = serde_json::Serializer::new(&mut *lines);
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("_aws", &metadata)?;
        members.serialize_entry(FUNCTION_NAME, self.function_name)?;
        for (name, value) in &self.metrics {
            members.serialize_entry(name, value)?;
        }
        if let Some(((name, value), dimensions)) = &self.with_dimensions {
            members.serialize_entry(name, value)?;
            for (name, value) in dimensions {
                members.serialize_entry(name, value)?;
            }
        }
        members.end()?;
        lines.push(b'\n');
        Ok(())
    }

    fn directives(&self) -> Vec<Directive> {
        let mut directives = Vec::new();
        if !self.metrics.is_empty() {
            directives.push(Directive {
                namespace: NAMESPACE,
                dimensions: vec![vec![FUNCTION_NAME]],
                metrics: self.metrics.iter().map(Definition::from).collect(),
            });
        }
        if let Some((metric, [(one, _), (two, _)])) = &self.with_dimensions {
            directives.push(Directive {
                namespace: NAMESPACE,
                dimensions: vec![vec![FUNCTION_NAME], vec![FUNCTION_NAME, one, two]],
                metrics: vec![Definition::from(metric)],
            });
        }
        directives
    }
}
