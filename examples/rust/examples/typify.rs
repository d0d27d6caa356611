//! Reads messages, one per line, into types that typify generates from the schema, and prints the outputs,
//! findings and errors of the jobs.
//!
//! Using the crate `cloud-infinite-job-record` is simpler.

use std::io::{self, BufRead};

mod types {
    typify::import_types!("../../schema/message.v1.schema.json");
}

use types::Message;
use workers::escaped;

fn main() -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        work(&serde_json::from_str(&line?)?);
    }
    Ok(())
}

fn work(message: &Message) {
    let job = &message.data;
    let print = |finding: String| println!("{}", escaped(&format!("{}: {finding}", *message.id)));
    let or_unknown = |text: &Option<String>| text.clone().unwrap_or("?".to_owned());
    print(format!("outcome {}", job.outcome));
    for output in &job.outputs {
        print(format!("{}/{}", or_unknown(&output.bucket), output.object));
    }
    if job
        .inspection
        .as_ref()
        .is_some_and(|found| found.suspicious)
    {
        print("suspicious image".to_owned());
    }
    if let Some(moderation) = &job.moderation {
        print(format!("verdict {}", moderation.verdict));
        for scene in &moderation.scenes {
            print(format!("scene {}: {}", scene.name, scene.verdict));
        }
    }
    if let Some(error) = &job.error {
        print(format!("failed: {}", or_unknown(&error.code)));
    }
    for problem in &job.problems {
        print(format!(
            "problem {}: {}",
            problem.path,
            or_unknown(&problem.code)
        ));
    }
    for task in &job.tasks {
        if let Some(error) = &task.error {
            let (name, code) = (or_unknown(&task.name), or_unknown(&error.code));
            print(format!("task {name} failed: {code}"));
        }
    }
}
