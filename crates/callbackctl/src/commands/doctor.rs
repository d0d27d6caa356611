//! `callbackctl doctor`: checks a deployed receiver.

use std::{
    fmt::Display,
    io::{self, IsTerminal},
    time::Duration,
};

use anyhow::ensure;
use clap::Args;

use crate::{
    aws::{
        Clients,
        queue::{self, QueueArgs},
        vault::{VaultArgs, VaultBucket},
    },
    http,
    terminal::say,
};

/// The timeout of a request: longer than the timeout of the function.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(15);

/// The maximum number of bodies that are counted in a folder.
const COUNT_LIMIT: usize = 1000;

/// The probe that Tencent's console sends when a URL is saved. It produces no record.
const PROBE: &str = r#"{"code":0,"data":{"trace_id":"test_trace_id","url":"test_url","result":0},"message":"Test request when setting callback url"}"#;

/// Checks a deployed URL, its queue and its vault.
#[derive(Args)]
pub(crate) struct DoctorArgs {
    /// The callback URL with its token, as registered with Tencent. By default, it is read from standard input,
    /// so that neither the process list nor the shell history contains the token
    url: Option<String>,
    #[command(flatten)]
    queue: QueueArgs,
    #[command(flatten)]
    vault: VaultArgs,
}

/// The result of a check: a confirmation, or a problem with advice.
type Finding = Result<String, Problem>;
type Problem = (String, &'static str);

impl DoctorArgs {
    /// Runs the command, and returns whether all checks succeeded.
    pub(crate) async fn run(self) -> anyhow::Result<bool> {
        let url = match &self.url {
            Some(url) => url.clone(),
            None => read_url()?,
        };
        let mut findings = vec![check_probe(&url)];
        if findings[0].is_ok() {
            findings.push(check_wrong_token(&url));
        }
        let (queue_url, vault) = (&self.queue.queue_url, &self.vault.vault_bucket);
        if queue_url.is_some() || vault.is_some() {
            match Clients::load().await {
                Ok(clients) => {
                    if let Some(url) = queue_url {
                        let max_bytes = self.queue.queue_max_bytes;
                        findings.extend(check_queue(&clients.sqs(), url, max_bytes).await);
                    }
                    if vault.is_some() {
                        let vault = self.vault.open(&clients);
                        findings.push(check_folder(&vault, "spill/", SPILLED).await);
                        findings.push(check_folder(&vault, "quarantine/", QUARANTINED).await);
                    }
                }
                Err(error) => {
                    findings.push(Err((error.to_string(), "queue and vault not checked")))
                }
            }
        }
        for finding in &findings {
            say(match finding {
                Ok(finding) => format!("good   {finding}"),
                Err((finding, advice)) => format!("wrong  {finding}\n       {advice}"),
            })?;
        }
        if queue_url.is_none() && vault.is_none() {
            say("note   queue and vault not checked: pass --queue-url and --vault-bucket")?;
        }
        Ok(findings.iter().all(Result::is_ok))
    }
}

fn read_url() -> anyhow::Result<String> {
    if io::stdin().is_terminal() {
        eprint!("callback URL with its token: ");
    }
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    let url = line.trim();
    ensure!(
        !url.is_empty(),
        "no URL: pass it as an argument or on standard input"
    );
    Ok(url.to_owned())
}

fn check_probe(url: &str) -> Finding {
    match post(url).map_err(failed("cannot reach the URL", "check the URL"))? {
        (200, body) if body == r#"{"probe":true}"# => {
            Ok("the function responds to the probe".to_owned())
        }
        (200, _) => Err((
            "the URL returned 200, but is not this function".to_owned(),
            "check the URL: callbacks to it do not reach the queue",
        )),
        (403, _) => Err((
            "the token of this URL is rejected (403)".to_owned(),
            "check that CALLBACK_TOKEN_SHA256 contains its digest, and that the URL allows public access",
        )),
        (status, _) => Err(unexpected("the probe", status)),
    }
}

fn check_wrong_token(url: &str) -> Finding {
    match post(&wrong_url(url)).map_err(failed(
        "no response to the request with a wrong token",
        "try again",
    ))? {
        (403, _) => Ok("a wrong token is rejected".to_owned()),
        (status @ 200..=299, _) => Err((
            format!("a wrong token is accepted ({status})"),
            "anyone can send callbacks: check CALLBACK_AUTH and CALLBACK_TOKEN_SHA256",
        )),
        (status, _) => Err(unexpected("a wrong token", status)),
    }
}

/// Returns a function that converts an error to a problem.
fn failed<E: Display>(what: &str, advice: &'static str) -> impl FnOnce(E) -> Problem {
    move |error| (format!("{what}: {error}"), advice)
}

/// Explains a status that the function does not return.
fn unexpected(request: &str, status: u16) -> Problem {
    let (what, advice) = match status {
        300..=399 => (
            "a redirect",
            "the response is from a proxy: use the URL of the function",
        ),
        429 => (
            "the function is throttled",
            "increase its reserved concurrency or the quota of the account, or try again later",
        ),
        502 => (
            "the function does not start, or exits without a response",
            "check its log for configuration errors",
        ),
        _ => (
            "the response is not from the function",
            "check the function's log. The response may be from a proxy",
        ),
    };
    (format!("status {status} for {request}: {what}"), advice)
}

/// Replaces the token of a URL, in the query or in the last segment of the path, with a wrong one.
fn wrong_url(url: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    if query.split('&').any(|pair| pair.starts_with("token=")) {
        return format!("{base}?token=wrong");
    }
    let base = base.trim_end_matches('/');
    let host = base.find("://").map_or(0, |at| at + "://".len());
    let end = base[host..].rfind('/').map_or(base.len(), |at| host + at);
    format!("{}/wrong", &base[..end])
}

async fn check_queue(client: &aws_sdk_sqs::Client, url: &str, max_bytes: u64) -> Vec<Finding> {
    let status = match queue::status(client, url).await {
        Ok(status) => status,
        Err(error) => {
            let advice = "until this is fixed, callbacks are stored under spill/";
            return vec![Err(failed("cannot read the queue", advice)(error))];
        }
    };
    let limit = match status.max_bytes {
        Some(limit) if limit < max_bytes => Err((
            format!(
                "the queue accepts messages of up to {limit} bytes, but QUEUE_MAX_BYTES is {max_bytes}"
            ),
            "larger messages are stored under spill/: decrease QUEUE_MAX_BYTES, or increase MaximumMessageSize of the queue",
        )),
        _ => Ok(format!(
            "the queue exists: about {} jobs available, {} in flight",
            status.visible, status.in_flight
        )),
    };
    vec![
        limit,
        check_dead_letters(client, status.dead_letter_queue.as_deref()).await,
    ]
}

async fn check_dead_letters(client: &aws_sdk_sqs::Client, queue: Option<&str>) -> Finding {
    let Some(name) = queue else {
        return Err((
            "the queue has no dead-letter queue".to_owned(),
            "jobs that workers cannot process are delivered again until they expire",
        ));
    };
    let status = async { queue::status(client, &queue::url(client, name).await?).await };
    let unreadable = failed("cannot read the dead-letter queue", "check its policy");
    match status.await.map_err(unreadable)?.visible {
        0 => Ok("the dead-letter queue is empty".to_owned()),
        count => Err((
            format!("the dead-letter queue contains about {count} jobs"),
            "fix the workers, then redrive the jobs",
        )),
    }
}

const SPILLED: &str = "not accepted by the queue: run callbackctl replay --prefix spill/";
const QUARANTINED: &str = "unreadable callbacks: run callbackctl vault list --prefix quarantine/";

async fn check_folder(vault: &VaultBucket, prefix: &str, advice: &'static str) -> Finding {
    let bodies = vault.list(prefix, COUNT_LIMIT).await;
    let what = format!("cannot list {prefix}");
    let unreadable = failed(&what, "check the bucket and its policy");
    match bodies.map_err(unreadable)?.len() {
        0 => Ok(format!("{prefix} contains no bodies")),
        COUNT_LIMIT => Err((
            format!("{prefix} contains at least {COUNT_LIMIT} bodies"),
            advice,
        )),
        count => Err((format!("bodies in {prefix}: {count}"), advice)),
    }
}

/// Sends the probe, and returns status and body of the response.
fn post(url: &str) -> Result<(u16, String), String> {
    let request = http::agent(RESPONSE_TIMEOUT).post(url);
    let response = request.content_type("application/json").send(PROBE);
    let mut response = response.map_err(|error| http::describe(&error))?;
    let body = response.body_mut().read_to_string().unwrap_or_default();
    Ok((response.status().as_u16(), body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_token_goes_to_the_same_host() {
        for (url, wrong) in [
            ("https://h.on.aws/s3cret", "https://h.on.aws/wrong"),
            ("https://h/a/s3cret/?x=1/2", "https://h/a/wrong"),
            ("https://h/s3cret#a/b", "https://h/wrong"),
            ("https://h/", "https://h/wrong"),
            ("http://h:9/?a=1&token=s3cret&b", "http://h:9/?token=wrong"),
            ("http://h:9/token=s3cret", "http://h:9/wrong"),
        ] {
            assert_eq!(wrong_url(url), wrong, "{url}");
        }
    }
}
