//! Invented callback bodies: one tree for each job, serialized as JSON or XML.

use serde_json::{Value, json};

/// The bucket of all jobs.
pub const BUCKET: &str = "tides-1250000042";

/// The region of [`BUCKET`].
pub const REGION: &str = "ap-guangzhou";

/// Returns a job id in Tencent's format.
pub fn job_id(number: u32) -> String {
    format!("j{number:032x}")
}

/// Returns the event id of a task that succeeded.
pub fn event_id(number: u32) -> String {
    format!("{}:Success", job_id(number))
}

/// Returns a task that succeeded. Its numbers are JSON numbers, as in real bodies.
pub fn snapshot(number: u32) -> Value {
    json!({
        "Code": "Success",
        "Message": "Success",
        "JobId": job_id(number),
        "Tag": "Snapshot",
        "State": "Success",
        "CreationTime": "2024-02-03T10:11:12+0800",
        "StartTime": "2024-02-03T10:11:13+0800",
        "EndTime": "2024-02-03T10:11:20+0800",
        "QueueId": "p0123456789abcdef0123456789abcdef",
        "Input": {
            "BucketId": BUCKET,
            "Region": REGION,
            "Object": "harbour/ebb & flow <1>.mp4",
            "CosHeaders": [
                { "Key": "x-cos-meta-camera", "Value": "pier 3" },
                { "Key": "x-cos-meta-lens", "Value": "潮" },
            ],
        },
        "Operation": {
            "JobLevel": "0",
            "UserData": "order=17",
            "TemplateName": "stills",
            "MediaResult": {
                "OutputFile": {
                    "Bucket": BUCKET,
                    "Region": REGION,
                    "ObjectPrefix": "stills/",
                    "ObjectName": ["ebb-0.jpg", "ebb-1.jpg"],
                },
            },
            "Snapshot": { "Width": 640, "Height": 360, "Start": "1.5", "Count": 2 },
            "Output": { "Bucket": BUCKET, "Region": REGION, "Object": "stills/ebb-${Number}.jpg" },
        },
    })
}

/// Returns a task with additional text of `bytes` bytes, which the record contains only in `detail`.
pub fn large(number: u32, bytes: usize) -> Value {
    let mut job = snapshot(number);
    job["Operation"]["Remarks"] = json!("x".repeat(bytes));
    job
}

/// Returns a task that failed.
pub fn failed(number: u32) -> Value {
    let mut job = snapshot(number);
    job["State"] = json!("Failed");
    job["Code"] = json!("InvalidArgument");
    job["Message"] = json!("no frame at that time");
    job["Operation"]
        .as_object_mut()
        .expect("a map")
        .remove("MediaResult");
    job
}

/// Returns a task that a workflow started.
pub fn in_workflow(number: u32, run_id: &str) -> Value {
    let mut job = snapshot(number);
    job["Workflow"] = json!({
        "RunId": run_id,
        "WorkflowId": "w11111111111111111111111111111111",
        "WorkflowName": "tide",
        "Name": "Snapshot_1700000000000",
    });
    job
}

/// Returns a body with these tasks.
pub fn tasks(jobs: impl IntoIterator<Item = Value>) -> Value {
    json!({ "EventName": "TaskFinish", "JobsDetail": jobs.into_iter().collect::<Vec<_>>() })
}

/// Returns the body of a workflow run.
pub fn workflow(run_id: &str) -> Value {
    json!({
        "EventName": "WorkflowFinish",
        "WorkflowExecution": {
            "RunId": run_id,
            "WorkflowId": "w11111111111111111111111111111111",
            "WorkflowName": "tide",
            "State": "Success",
            "BucketId": BUCKET,
            "Object": "harbour/ebb.mp4",
            "CreateTime": "2024-02-03 10:11:12+0800",
            "Tasks": [{
                "Type": "Snapshot",
                "Name": "Snapshot_1700000000000",
                "State": "Success",
                "JobId": job_id(1),
                "CreateTime": "2024-02-03 10:11:12+0800",
            }],
        },
    })
}

/// Returns the body of a moderation result in the Simple format.
pub fn verdict(trace_id: &str) -> Value {
    json!({
        "code": 0,
        "message": "success",
        "data": {
            "event": "ReviewImage",
            "trace_id": trace_id,
            "url": format!("https://{BUCKET}.cos.{REGION}.myqcloud.com/harbour/gull.png"),
            "result": 1,
            "forbidden_status": 0,
            "porn_info": { "hit_flag": 0, "score": 3, "label": "" },
            "ads_info": { "hit_flag": 1, "score": 97, "label": "flag" },
        },
    })
}

/// Returns the probe that Tencent's console sends when a URL is saved.
pub fn probe() -> Value {
    json!({
        "code": 0,
        "message": "Test request when setting callback url",
        "data": {
            "event": "ReviewImage",
            "trace_id": "test_trace_id",
            "url": "test_image",
            "result": 0,
            "forbidden_status": 0,
            "porn_info": { "hit_flag": 0, "score": 0 },
        },
    })
}

/// Serializes a body as JSON, indented like Tencent's.
pub fn to_json(body: &Value) -> Vec<u8> {
    serde_json::to_vec_pretty(body).expect("a value is JSON")
}

/// Serializes a body as XML, indented like Tencent's.
pub fn to_xml(body: &Value) -> Vec<u8> {
    let mut xml = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n".to_owned();
    write_xml(&mut xml, "Response", body, 0);
    xml.into_bytes()
}

fn write_xml(xml: &mut String, name: &str, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Array(values) => {
            for value in values {
                write_xml(xml, name, value, depth);
            }
        }
        Value::Object(children) => {
            *xml += &format!("{indent}<{name}>\n");
            for (name, child) in children {
                write_xml(xml, name, child, depth + 1);
            }
            *xml += &format!("{indent}</{name}>\n");
        }
        Value::String(text) => *xml += &format!("{indent}<{name}>{}</{name}>\n", escape(text)),
        leaf => *xml += &format!("{indent}<{name}>{leaf}</{name}>\n"),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
