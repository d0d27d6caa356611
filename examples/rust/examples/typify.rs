//! Reads messages, one on each line, into types that typify generates from the schema, and prints what
//! the jobs made, found or failed at.
//!
//! The crate `cloud-infinite-job-record` is simpler.

use std::io::{self, BufRead};

mod types {
    typify::import_types!("../../schema/job-record.v1.schema.json");
}

use types::Message;

fn main() -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        work(&serde_json::from_str(&line?)?);
    }
    Ok(())
}

fn work(message: &Message) {
    let (id, job) = (&*message.id, &message.data);
    println!("{id}: outcome {}", job.outcome);
    if !matches!(&*job.outcome, "succeeded" | "partial" | "failed") {
        return;
    }
    let or_unknown = |text: &Option<String>| text.clone().unwrap_or("?".to_owned());
    for output in &job.outputs {
        println!("{id}: {}/{}", or_unknown(&output.bucket), output.object);
    }
    if let Some(moderation) = &job.moderation {
        println!("{id}: verdict {}", moderation.verdict);
        for scene in &moderation.scenes {
            println!("{id}: scene {}: {}", scene.name, scene.verdict);
        }
    }
    if let Some(error) = &job.error {
        println!("{id}: failed: {}", or_unknown(&error.code));
    }
    for problem in &job.problems {
        println!(
            "{id}: problem {}: {}",
            problem.path,
            or_unknown(&problem.code)
        );
    }
    for task in &job.tasks {
        if let Some(error) = &task.error {
            let (name, code) = (or_unknown(&task.name), or_unknown(&error.code));
            println!("{id}: task {name} failed: {code}");
        }
    }
}
