//! `callbackctl reconcile` as a Lambda function: every event starts a run.
//!
//! `infra/reconcile.yaml` deploys it in a zip that also contains `callbackctl`. Its environment variables are
//! `BUCKETS` (`NAME-APPID/REGION[/QUEUE ID]…`, separated by commas), `LOG_GROUP`, `SECRET_ARN`, and those of
//! the command.

#![expect(clippy::print_stdout, reason = "standard output is the log")]

use std::{
    collections::BTreeMap,
    env,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use aws_sdk_secretsmanager::{Client, config::BehaviorVersion, error::DisplayErrorContext};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

/// The start of the time window of a run, before now. It includes the time windows of failed runs in the
/// previous hours.
const SINCE: &str = "6h";

/// The time before the function's timeout in which no request and no batch starts. Those in progress end
/// within two minutes.
const MARGIN: Duration = Duration::from_secs(180);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let tls = Provider::Rustls(CryptoMode::Ring);
    let http = Builder::new().tls_provider(tls).build_https();
    let config = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http);
    let secrets = &Client::new(&config.load().await);
    let run = async |event: LambdaEvent<Value>| {
        let result = run(secrets, event.context.deadline()).await;
        result.inspect_err(|error| eprintln!("{error}"))
    };
    lambda_runtime::run(service_fn(run)).await
}

/// Reconciles every bucket, and writes the metrics.
///
/// # Errors
/// Returns an error if a run failed, skipped jobs or exceeded its time limit. The log contains the reason.
async fn run(secrets: &Client, time_out: SystemTime) -> Result<Value, Error> {
    let key = key(secrets).await?;
    let (buckets, log_group) = (variable("BUCKETS")?, variable("LOG_GROUP")?);
    let buckets: Vec<_> = buckets.split(',').collect();
    let (mut published, mut is_complete) = (0, true);
    for (number, bucket) in buckets.iter().enumerate() {
        let time = time_out.duration_since(SystemTime::now())?;
        // Each remaining bucket has the same share of the remaining time.
        let seconds = time.saturating_sub(MARGIN).as_secs() / (buckets.len() - number) as u64;
        let mut command = command(bucket, &log_group, seconds)?;
        let (count, has_succeeded) = reconcile(command.envs(&key))?;
        published += count;
        is_complete &= has_succeeded;
    }
    let function = variable("AWS_LAMBDA_FUNCTION_NAME")?;
    println!("{}", metrics(&function, published, is_complete));
    is_complete
        .then(|| json!({ "published": published }))
        .ok_or_else(|| "the run is not complete: see the log".into())
}

/// Returns the API key: the environment variables of the command, from the secret.
async fn key(secrets: &Client) -> Result<BTreeMap<String, String>, Error> {
    let arn = variable("SECRET_ARN")?;
    let answer = secrets.get_secret_value().secret_id(arn).send().await;
    let answer = answer.map_err(|error| DisplayErrorContext(error).to_string())?;
    let secret = answer.secret_string().unwrap_or_default();
    // The parser's error could quote the secret.
    serde_json::from_str(secret).map_err(|_| "the secret is not a JSON object of texts".into())
}

/// Returns the command for `NAME-APPID/REGION[/QUEUE ID]…`.
fn command(bucket: &str, log_group: &str, seconds: u64) -> Result<Command, Error> {
    let mut arguments =
        format!("reconcile --json --since {SINCE} --log-group {log_group} --time-limit {seconds}s");
    for (number, part) in bucket.split('/').enumerate() {
        let name = ["--bucket", "--region"]
            .get(number)
            .unwrap_or(&"--queue-id");
        arguments += &format!(" {name} {part}");
    }
    let mut command = Command::new(env::current_exe()?.with_file_name("callbackctl"));
    command.args(arguments.split(' '));
    Ok(command)
}

/// Runs the command, and returns the number of published jobs and whether it succeeded.
///
/// Blocks the thread, which has no other tasks.
fn reconcile(command: &mut Command) -> Result<(u64, bool), Error> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().ok_or("no standard output")?;
    let mut last = Value::Null;
    for line in BufReader::new(output).lines() {
        let line = line?;
        last = serde_json::from_str(&line).unwrap_or_default();
        // Received jobs are not logged one by one, because the summary contains their number.
        if last["result"] != "received" {
            println!("{line}");
        }
    }
    let status = child.wait()?;
    Ok((last["published"].as_u64().unwrap_or(0), status.success()))
}

/// Returns the metrics in CloudWatch's embedded metric format.
fn metrics(function: &str, published: u64, is_complete: bool) -> Value {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    json!({
        "_aws": {
            "Timestamp": now.unwrap_or_default().as_millis() as u64,
            "CloudWatchMetrics": [{
                "Namespace": "CloudInfiniteCallback",
                "Dimensions": [["FunctionName"]],
                "Metrics": [{ "Name": "Reconciled" }, { "Name": "CompleteRuns" }],
            }],
        },
        "FunctionName": function,
        "Reconciled": published,
        "CompleteRuns": u8::from(is_complete),
    })
}

fn variable(name: &str) -> Result<String, Error> {
    env::var(name).map_err(|_| format!("{name} is not set").into())
}
