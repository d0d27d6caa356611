//! Writes one callback as XML and as JSON, which must produce the same messages. The property tests and the
//! fuzz target of the same name generate the trees.

use serde_json::Value;

/// Event names that select a family.
pub const EVENTS: &[&str] = &["TaskFinish", "ReviewImage", "ReviewVideo", "SomethingElse"];

/// Names that the code handles specially.
#[rustfmt::skip]
pub const NAMES: &[&str] = &[
    "State", "Code", "Message", "JobId", "Tag", "EndTime", "Input", "Operation", "Output", "Object",
    "Bucket", "Region", "MediaResult", "OutputFile", "ObjectName", "Md5Info", "Size", "Force",
    "Tags", "Data", "Snapshot", "Result", "PornInfo", "HitFlag", "Workflow", "Key", "BucketId", "Url",
    "ObjectUrl", "PicProcessResult", "ProcessResult", "MediaInfo", "Labels", "DetectDetail",
];

/// Texts that the code handles specially, including blank and number-like ones.
#[rustfmt::skip]
pub const TEXTS: &[&str] = &[
    "Success", "Failed", "0", "7", "007", "13.654000", "-1e5", "true", "false", "null", "", " ",
    "\n\t", "-", "2024-05-06T07:08:09+0800", "soon", "a${Number}.jpg", "key ends in blank ",
];

/// A job, independent of its format.
#[derive(Clone, Debug)]
pub enum Tree {
    Leaf(String),
    /// Names with their values. Several values become repeated elements in XML, and an array in JSON.
    Object(Vec<(String, Vec<Tree>)>),
}

/// A callback, independent of its format.
#[derive(Clone, Debug)]
pub struct Body {
    pub event: Option<String>,
    pub jobs: Vec<Tree>,
    pub siblings: Vec<(String, Vec<Tree>)>,
    /// The `CosHeaders` of each job.
    pub headers: Vec<(String, String)>,
    /// JSON: writes numbers and booleans without quotes.
    pub bare_scalars: bool,
    /// JSON: writes a single value as an array.
    pub arrays_of_one: bool,
    /// JSON: writes headers as a map instead of pairs.
    pub headers_as_map: bool,
}

impl Body {
    pub fn to_xml(&self) -> String {
        let mut xml = "<?xml version=\"1.0\"?>\n<Response>".to_owned();
        if let Some(event) = &self.event {
            xml += &format!("<EventName>{event}</EventName>");
        }
        write_members(&self.siblings, &mut xml);
        for job in &self.jobs {
            let Tree::Object(members) = job else {
                unreachable!()
            };
            xml += "<JobsDetail a=\"1\">\n  ";
            write_members(members, &mut xml);
            for (name, value) in &self.headers {
                let value = escape(value);
                xml += &format!("<CosHeaders><Key>{name}</Key><Value>{value}</Value></CosHeaders>");
            }
            xml += "</JobsDetail><!-- one job -->";
        }
        xml + "</Response>\n"
    }

    pub fn to_json(&self) -> String {
        let mut members = Vec::new();
        if let Some(event) = &self.event {
            members.push(format!("\"EventName\": \"{event}\""));
        }
        members.extend(
            self.siblings
                .iter()
                .map(|(name, values)| self.member(name, values)),
        );
        let jobs: Vec<_> = self.jobs.iter().map(|job| self.job(job)).collect();
        members.push(format!("\"JobsDetail\": [{}]", jobs.join(", ")));
        format!("{{{}}}", members.join(",\n"))
    }

    fn job(&self, job: &Tree) -> String {
        let Tree::Object(members) = job else {
            unreachable!()
        };
        let mut members: Vec<_> = members
            .iter()
            .map(|(name, values)| self.member(name, values))
            .collect();
        if self.headers_as_map {
            let pairs = self
                .headers
                .iter()
                .map(|(name, value)| format!("{name:?}: {}", quote(value)));
            members.push(format!(
                "\"CosHeaders\": {{{}}}",
                pairs.collect::<Vec<_>>().join(", ")
            ));
        } else {
            let pairs = self
                .headers
                .iter()
                .map(|(name, value)| format!("{{\"Key\": {name:?}, \"Value\": {}}}", quote(value)));
            members.push(format!(
                "\"CosHeaders\": [{}]",
                pairs.collect::<Vec<_>>().join(", ")
            ));
        }
        format!("{{{}}}", members.join(", "))
    }

    fn member(&self, name: &str, values: &[Tree]) -> String {
        let written: Vec<_> = values.iter().map(|value| self.value(value)).collect();
        match &written[..] {
            [only] if !self.arrays_of_one => format!("{name:?}: {only}"),
            several => format!("{name:?}: [{}]", several.join(", ")),
        }
    }

    fn value(&self, value: &Tree) -> String {
        match value {
            Tree::Leaf(text) => {
                let is_scalar = text != "null"
                    && serde_json::from_str::<Value>(text)
                        .is_ok_and(|value| value.is_number() || value.is_boolean());
                if self.bare_scalars && is_scalar && text.trim() == text {
                    text.clone()
                } else {
                    quote(text)
                }
            }
            Tree::Object(members) => {
                let members: Vec<_> = members
                    .iter()
                    .map(|(name, values)| self.member(name, values))
                    .collect();
                format!("{{{}}}", members.join(", "))
            }
        }
    }
}

/// Returns a text as a JSON string.
pub fn quote(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn write_members(members: &[(String, Vec<Tree>)], xml: &mut String) {
    for (name, values) in members {
        for value in values {
            *xml += &format!("<{name}>");
            match value {
                Tree::Leaf(text) => *xml += &escape(text),
                Tree::Object(members) => write_members(members, xml),
            }
            *xml += &format!("</{name}>");
        }
    }
}

fn escape(text: &str) -> String {
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    text.replace('\r', "&#xD;")
}
