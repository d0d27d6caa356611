//! Formats metrics in CloudWatch's embedded metric format: a JSON line whose member `_aws` lists which other
//! members are metrics.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// The namespace of the metrics in CloudWatch.
const NAMESPACE: &str = "CloudInfiniteCallback";

/// The dimension that distinguishes the receivers of an account.
const FUNCTION_NAME: &str = "FunctionName";

/// A line of the embedded metric format.
pub(crate) struct EmfLine {
    members: Value,
    /// The definitions of the metrics with the dimension [`FUNCTION_NAME`].
    metrics: Vec<Value>,
    /// The directive of the metric with more dimensions.
    with_dimensions: Option<Value>,
}

impl EmfLine {
    /// Creates a line without metrics.
    pub(crate) fn new(function_name: &str) -> Self {
        Self {
            members: json!({ FUNCTION_NAME: function_name }),
            metrics: Vec::new(),
            with_dimensions: None,
        }
    }

    /// Adds a metric of the function.
    pub(crate) fn add(&mut self, name: &str, unit: &str, value: impl Into<Value>) {
        self.members[name] = value.into();
        self.metrics.push(json!({ "Name": name, "Unit": unit }));
    }

    /// Adds a count twice: for the function, and with these dimensions as well. A line can contain only one
    /// such metric.
    pub(crate) fn add_with_dimensions(
        &mut self,
        name: &str,
        count: usize,
        dimensions: [(&str, &str); 2],
    ) {
        self.members[name] = count.into();
        for (dimension, value) in dimensions {
            self.members[dimension] = value.into();
        }
        let [(one, _), (two, _)] = dimensions;
        self.with_dimensions = Some(json!({
            "Namespace": NAMESPACE,
            "Dimensions": [[FUNCTION_NAME], [FUNCTION_NAME, one, two]],
            "Metrics": [{ "Name": name, "Unit": "Count" }],
        }));
    }

    /// Returns the line, or `None` if it has no metric.
    pub(crate) fn into_json(mut self) -> Option<String> {
        let of_function = (!self.metrics.is_empty()).then(|| {
            json!({
                "Namespace": NAMESPACE,
                "Dimensions": [[FUNCTION_NAME]],
                "Metrics": self.metrics,
            })
        });
        let directives: Vec<_> = of_function
            .into_iter()
            .chain(self.with_dimensions)
            .collect();
        if directives.is_empty() {
            return None;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        self.members["_aws"] = json!({
            "Timestamp": now.unwrap_or_default().as_millis() as u64,
            "CloudWatchMetrics": directives,
        });
        // Faster than `Display`.
        let mut line = serde_json::to_string(&self.members).ok()?;
        line.push('\n');
        Some(line)
    }
}
