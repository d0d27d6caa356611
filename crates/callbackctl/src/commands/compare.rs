//! `callbackctl compare`: compares a job in Tencent's API with a body in the vault.

use anyhow::{Context, anyhow, bail};
use clap::Args;
use cloud_infinite_callback::{callback::Payload, event::events, normalize::Detail};
use cloud_infinite_job_record::Record;
use serde_json::Value;

use crate::{
    aws::{Clients, vault::VaultArgs},
    tencent::{
        client::{BucketArgs, Client},
        jobs::{VendorJob, job_id, look_up},
    },
    terminal::say,
};

/// Compares a job with a body in the vault.
#[derive(Args)]
#[command(mut_arg("vault_bucket", |arg| arg.required(true)))]
pub(crate) struct CompareArgs {
    #[command(flatten)]
    bucket: BucketArgs,
    /// The id of a task or of a workflow run
    #[arg(value_parser = job_id)]
    id: String,
    /// The key of the body
    key: String,
    #[command(flatten)]
    vault: VaultArgs,
}

impl CompareArgs {
    /// Runs the command, and returns whether the job and the body are equal.
    pub(crate) async fn run(self) -> anyhow::Result<bool> {
        let Self { id, key, .. } = &self;
        let mut client = Client::new(&self.bucket, None)?;
        let vault = self.vault.open(&Clients::load().await?);
        let mut found = look_up(&mut client, &self.bucket.bucket, std::slice::from_ref(id)).await?;
        let job = found.remove(id).context("no such job in this bucket")?;
        let job = job.map_err(|reason| anyhow!("{id}: {reason}"))?;
        let (body, _) = vault
            .get(key)
            .await?
            .with_context(|| format!("{key}: no such object"))?;
        compare(&job, id, &body)
    }
}

/// Prints one line per field, without values, and returns whether all fields are equal.
fn compare(job: &VendorJob, id: &str, body: &[u8]) -> anyhow::Result<bool> {
    let payload = Payload::read(body).map_err(|error| anyhow!("unreadable body: {error}"))?;
    let Payload::Callback(callback) = payload else {
        bail!("the body is Tencent's probe");
    };
    let reported = job.callback();
    let reported = events(&reported).next().expect("one node is one job").data;
    let mut stored = events(&callback).map(|event| event.data);
    let stored = stored.find(|record| record.job_id.as_deref() == Some(id));
    let (stored, reported) = (
        json(&stored.context("the body does not contain this job")?),
        json(&reported),
    );
    let mut is_same = true;
    for name in ["state", "type", "input", "outputs", "userData"] {
        let (stored, mut reported) = (&stored[name], reported[name].clone());
        if name == "input" && stored["bucket"].is_null() {
            // Tencent's response does not contain the bucket of a run.
            reported.as_object_mut().map(|input| input.remove("bucket"));
        }
        let verdict = match (stored, &reported) {
            (stored, reported) if stored == reported => "equal",
            (Value::Null, _) => "differs: missing in the body",
            (_, Value::Null) => "differs: missing in the API response",
            _ => "differs",
        };
        is_same &= verdict == "equal";
        say(format!("{name}  {verdict}"))?;
    }
    Ok(is_same)
}

fn json(record: &Record<'_, Detail<'_>>) -> Value {
    serde_json::to_value(record).expect("a record is JSON")
}
