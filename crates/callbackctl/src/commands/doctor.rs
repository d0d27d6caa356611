//! `callbackctl doctor`: checks a deployed receiver.

use std::{io::Write, time::Duration};

use clap::Args;
use cloud_infinite_callback::{config::SQS_MAX_BYTES, vault::Folder};

use crate::{
    Failure,
    clients::Clients,
    http::{self, HttpError},
    queue_admin::QueueAdmin,
    vault_admin::VaultAdmin,
};

/// The time for an answer: longer than the function's own time-out.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// How many waiting bodies are counted.
const COUNT_LIMIT: usize = 1000;

/// What the vendor's console sends when a URL is saved. It makes no record.
const PROBE: &str = r#"{"code":0,"data":{"trace_id":"test_trace_id","url":"test_url","result":0},"message":"Test request when setting callback url"}"#;

/// Checks a deployed URL, its queue and its vault.
#[derive(Args)]
pub(crate) struct Doctor {
    /// The callback URL with its token, as the vendor has it
    url: String,
    /// The queue's URL
    #[arg(long, env = "QUEUE_URL")]
    queue_url: Option<String>,
    /// The function's largest message, to compare with the queue's own limit
    #[arg(long, env = "QUEUE_MAX_BYTES", default_value_t = SQS_MAX_BYTES as u64)]
    queue_max_bytes: u64,
    /// The vault's bucket
    #[arg(long, env = "VAULT_BUCKET")]
    vault_bucket: Option<String>,
}

/// Prints what was found, a line each.
struct Findings {
    all_good: bool,
}

impl Findings {
    fn good(&self, finding: &str) {
        say(&format!("good   {finding}"));
    }

    fn bad(&mut self, finding: &str, advice: &str) {
        self.all_good = false;
        say(&format!("wrong  {finding}\n       {advice}"));
    }
}

impl Doctor {
    /// Runs the command, and returns whether nothing is wrong.
    pub(crate) async fn run(self) -> Result<bool, Failure> {
        let mut findings = Findings { all_good: true };
        let is_reached = self.try_url(&mut findings);
        if is_reached {
            self.try_refused(&mut findings);
        }
        if self.queue_url.is_some() || self.vault_bucket.is_some() {
            let clients = Clients::load().await;
            if let Some(url) = &self.queue_url {
                let queue = QueueAdmin {
                    client: clients.sqs(),
                    url: url.clone(),
                };
                check_queue(&queue, self.queue_max_bytes, &mut findings).await;
            }
            if let Some(bucket) = &self.vault_bucket {
                let vault = VaultAdmin {
                    client: clients.s3(),
                    bucket: bucket.clone(),
                };
                check_vault(&vault, &mut findings).await;
            }
        } else {
            say(
                "note   queue and vault were not checked: name them with --queue-url and --vault-bucket",
            );
        }
        Ok(findings.all_good)
    }

    /// Sends the probe, and returns whether there was an answer.
    fn try_url(&self, findings: &mut Findings) -> bool {
        match post(&self.url, PROBE) {
            Ok((200, answer)) if answer == r#"{"probe":true}"# => {
                findings.good("the vendor's probe is answered");
            }
            Ok((200, _)) => findings.bad(
                "the URL answers 200, but not as this receiver does",
                "check the URL: what is sent there does not reach the queue",
            ),
            Ok((403, _)) => findings.bad(
                "the token of this URL is refused (403)",
                "its digest is not in CALLBACK_TOKEN_SHA256, or the permissions of the URL do not allow the call",
            ),
            Ok((502, _)) => findings.bad(
                "the function does not start, or ends without an answer (502)",
                "its log names what is wrong with its configuration",
            ),
            Ok((status, _)) => findings.bad(
                &format!("the vendor's probe is answered with {status}"),
                "see the function's log",
            ),
            Err(error) => {
                findings.bad(&format!("the URL cannot be reached: {error}"), "check the URL");
                return false;
            }
        }
        true
    }

    /// Sends what must be refused.
    fn try_refused(&self, findings: &mut Findings) {
        match post(&wrong_url(&self.url), PROBE) {
            Ok((403, _)) => findings.good("a wrong token is refused"),
            Ok((status, _)) => findings.bad(
                &format!("a wrong token is answered with {status}"),
                "anyone can send callbacks: see CALLBACK_AUTH and CALLBACK_TOKEN_SHA256",
            ),
            Err(error) => findings.bad(
                &format!("a wrong token is not answered: {error}"),
                "try again",
            ),
        }
        match get(&self.url) {
            Ok(405) => findings.good("only POST is accepted"),
            Ok(status) => {
                findings.bad(
                    &format!("GET is answered with {status}"),
                    "a proxy answers instead of the function",
                );
            }
            Err(error) => findings.bad(&format!("GET is not answered: {error}"), "try again"),
        }
    }
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

async fn check_queue(queue: &QueueAdmin, max_bytes: u64, findings: &mut Findings) {
    let depth = match queue.depth().await {
        Ok(depth) => depth,
        Err(error) => {
            let advice = "callbacks are spilled into the vault until it is fixed";
            return findings.bad(&format!("the queue cannot be read: {error}"), advice);
        }
    };
    findings.good(&format!(
        "the queue exists: about {} jobs wait, {} are in flight",
        depth.waiting, depth.with_workers
    ));
    match depth.max_bytes {
        Some(limit) if limit < max_bytes => findings.bad(
            &format!("the queue accepts messages of {limit} bytes, fewer than QUEUE_MAX_BYTES: {max_bytes}"),
            "larger ones are spilled into the vault: lower QUEUE_MAX_BYTES, or raise the queue's MaximumMessageSize",
        ),
        Some(_) => findings.good("the queue accepts messages of QUEUE_MAX_BYTES"),
        None => {}
    }
    let Some(name) = depth.dead_letter_queue else {
        return findings.bad(
            "the queue has no dead-letter queue",
            "a job that no worker can process is received again until it expires",
        );
    };
    match queue.dead_letters(&name).await {
        Ok(0) => findings.good("the dead-letter queue is empty"),
        Ok(count) => findings.bad(
            &format!("about {count} jobs are on the dead-letter queue"),
            "workers failed at them repeatedly: fix the workers, then redrive the jobs",
        ),
        Err(error) => {
            findings.bad(
                &format!("the dead-letter queue cannot be read: {error}"),
                "check its policy",
            );
        }
    }
}

async fn check_vault(vault: &VaultAdmin, findings: &mut Findings) {
    for (folder, advice) in [
        (
            Folder::Spill,
            "the queue did not accept them: callbackctl replay --prefix spill/",
        ),
        (
            Folder::Quarantine,
            "they could not be read: callbackctl vault list --prefix quarantine/",
        ),
    ] {
        let name = folder.as_str();
        match vault.list(&format!("{name}/"), COUNT_LIMIT).await {
            Ok(entries) if entries.is_empty() => {
                findings.good(&format!("nothing waits in {name}/"))
            }
            Ok(entries) => {
                let count = entries.len();
                let least = if count == COUNT_LIMIT {
                    "at least "
                } else {
                    ""
                };
                findings.bad(&format!("bodies wait in {name}/: {least}{count}"), advice);
            }
            Err(error) => {
                findings.bad(
                    &format!("{name}/ cannot be listed: {error}"),
                    "check the bucket and its policy",
                );
            }
        }
    }
}

fn post(url: &str, body: &str) -> Result<(u16, String), HttpError> {
    let request = http::agent(ANSWER_TIMEOUT).post(url);
    let mut answer = request.content_type("application/json").send(body)?;
    let text = answer.body_mut().read_to_string().unwrap_or_default();
    Ok((answer.status().as_u16(), text))
}

fn get(url: &str) -> Result<u16, HttpError> {
    let answer = http::agent(ANSWER_TIMEOUT).get(url).call()?;
    Ok(answer.status().as_u16())
}

fn say(line: &str) {
    // Standard output may be closed: the exit code still counts.
    let _ = writeln!(std::io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_token_is_sent_to_the_same_host() {
        for (url, wrong) in [
            ("https://h.on.aws/s3cret", "https://h.on.aws/wrong"),
            ("https://h.on.aws/s3cret/", "https://h.on.aws/wrong"),
            (
                "https://h.on.aws/a/s3cret?x=1/2",
                "https://h.on.aws/a/wrong",
            ),
            ("https://h.on.aws/s3cret#a/b", "https://h.on.aws/wrong"),
            ("https://h.on.aws", "https://h.on.aws/wrong"),
            ("https://h.on.aws/", "https://h.on.aws/wrong"),
            ("http://h:9/?a=1&token=s3cret&b", "http://h:9/?token=wrong"),
            ("http://h:9/token=s3cret", "http://h:9/wrong"),
        ] {
            assert_eq!(wrong_url(url), wrong, "{url}");
        }
    }
}
