//! `callbackctl doctor`: checks a deployed receiver.

use std::{
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

/// The time for a response: longer than the function's own time-out.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(15);

/// How many waiting bodies are counted.
const COUNT_LIMIT: usize = 1000;

/// What the vendor's console sends when a URL is saved. It makes no record.
const PROBE: &str = r#"{"code":0,"data":{"trace_id":"test_trace_id","url":"test_url","result":0},"message":"Test request when setting callback url"}"#;

/// Checks a deployed URL, its queue and its vault.
#[derive(Args)]
pub(crate) struct DoctorArgs {
    /// The callback URL with its token, as the vendor has it. Without it, it is read from standard input,
    /// so that no list of processes and no history of a shell has the token
    url: Option<String>,
    #[command(flatten)]
    queue: QueueArgs,
    #[command(flatten)]
    vault: VaultArgs,
}

/// What is right, or what is wrong and what to do about it.
type Finding = Result<String, (String, &'static str)>;

impl DoctorArgs {
    /// Runs the command, and returns whether nothing is wrong.
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
                    findings.push(Err((error.to_string(), "queue and vault were not checked")))
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
            say(
                "note   queue and vault were not checked: name them with --queue-url and --vault-bucket",
            )?;
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
    let unreachable = |reason| {
        (
            format!("the URL cannot be reached: {reason}"),
            "check the URL",
        )
    };
    match post(url).map_err(unreachable)? {
        (200, body) if body == r#"{"probe":true}"# => {
            Ok("the probe gets the function's response".to_owned())
        }
        (200, _) => Err((
            "the URL returned 200, but is not this function".to_owned(),
            "check the URL: what is sent there does not reach the queue",
        )),
        (403, _) => Err((
            "the token of this URL is refused (403)".to_owned(),
            "its digest is not in CALLBACK_TOKEN_SHA256, or the permissions of the URL do not allow the call",
        )),
        (status, _) => Err(unexpected("the probe", status)),
    }
}

fn check_wrong_token(url: &str) -> Finding {
    let no_response = |reason| {
        (
            format!("a wrong token gets no response: {reason}"),
            "try again",
        )
    };
    match post(&wrong_url(url)).map_err(no_response)? {
        (403, _) => Ok("a wrong token is refused".to_owned()),
        (status @ 200..=299, _) => Err((
            format!("a wrong token is accepted ({status})"),
            "anyone can send callbacks: see CALLBACK_AUTH and CALLBACK_TOKEN_SHA256",
        )),
        (status, _) => Err(unexpected("a wrong token", status)),
    }
}

/// Explains a status that the function does not return to a request.
fn unexpected(request: &str, status: u16) -> (String, &'static str) {
    let (what, advice) = match status {
        300..=399 => (
            "a redirect",
            "something in front of the function responds: use the function's own URL",
        ),
        429 => (
            "the function is throttled",
            "raise its reserved concurrency or the account's limit, or try again later",
        ),
        502 => (
            "the function does not start, or ends without a response",
            "its log names what is wrong with its configuration",
        ),
        _ => (
            "not this function's response",
            "see the function's log; something in front of it may respond",
        ),
    };
    (format!("{request} gets {status}: {what}"), advice)
}

/// Returns a URL with a wrong token instead of its own, in the query or as the last segment of the path.
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
            let advice = "callbacks are spilled into the vault until it is fixed";
            return vec![Err((format!("the queue cannot be read: {error}"), advice))];
        }
    };
    let limit = match status.max_bytes {
        Some(limit) if limit < max_bytes => Err((
            format!(
                "the queue accepts messages of {limit} bytes, fewer than QUEUE_MAX_BYTES: {max_bytes}"
            ),
            "larger ones are spilled into the vault: lower QUEUE_MAX_BYTES, or raise the queue's MaximumMessageSize",
        )),
        _ => Ok(format!(
            "the queue exists: about {} jobs wait, {} are in flight",
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
            "a job that no worker can process is received again until it expires",
        ));
    };
    let status = async { queue::status(client, &queue::url(client, name).await?).await };
    let unreadable = |error| {
        (
            format!("the dead-letter queue cannot be read: {error}"),
            "check its policy",
        )
    };
    match status.await.map_err(unreadable)?.visible {
        0 => Ok("the dead-letter queue is empty".to_owned()),
        count => Err((
            format!("about {count} jobs are on the dead-letter queue"),
            "workers failed at them repeatedly: fix the workers, then redrive the jobs",
        )),
    }
}

const SPILLED: &str = "the queue did not accept them: callbackctl replay --prefix spill/";
const QUARANTINED: &str = "they could not be read: callbackctl vault list --prefix quarantine/";

async fn check_folder(vault: &VaultBucket, prefix: &str, advice: &'static str) -> Finding {
    let unreadable = |error| {
        (
            format!("{prefix} cannot be listed: {error}"),
            "check the bucket and its policy",
        )
    };
    match vault
        .list(prefix, COUNT_LIMIT)
        .await
        .map_err(unreadable)?
        .len()
    {
        0 => Ok(format!("no body waits in {prefix}")),
        COUNT_LIMIT => Err((
            format!("bodies wait in {prefix}: at least {COUNT_LIMIT}"),
            advice,
        )),
        count => Err((format!("bodies wait in {prefix}: {count}"), advice)),
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
