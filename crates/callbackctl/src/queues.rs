//! `callbackctl queues`: where the vendor's queues send their callbacks.

use std::process::ExitCode;

use clap::Args;
use sha2::{Digest, Sha256};

use crate::{
    Failure, USAGE,
    ci_api::{ApiError, BucketArguments, CiApi},
    terminal::{say, warn},
    xml_answer::{Element, child, child_text},
};

/// The lists of queues, a service each.
const PATHS: [&str; 6] = [
    "/queue",
    "/picqueue",
    "/docqueue",
    "/asrqueue",
    "/ai_queue",
    "/file_queue",
];

/// How many queues are asked for at once.
const PAGE_SIZE: usize = 100;

/// How many pages a service may have: a bucket has a handful of queues.
const MAX_PAGES: usize = 20;

/// How many digits of a digest tell one URL from another.
const DIGEST_LENGTH: usize = 16;

/// Prints the vendor's queues, and where they send their callbacks.
#[derive(Args)]
pub(crate) struct Queues {
    #[command(flatten)]
    bucket: BucketArguments,
    /// The callback URL with its token: marks the queues that do not call it, or not for each job
    #[arg(long)]
    url: Option<String>,
}

impl Queues {
    /// Runs the command, and returns its exit code.
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        let mut api = match CiApi::from_env(&self.bucket) {
            Ok(api) => api,
            Err(problems) => {
                for problem in problems {
                    warn(&problem);
                }
                return Ok(ExitCode::from(USAGE));
            }
        };
        let mut is_good = true;
        for path in PATHS {
            match self.list(&mut api, path).await {
                Ok(is_right) => is_good &= is_right?,
                Err(error @ ApiError::Key(_)) => return Err(Failure(error.to_string())),
                Err(error) if error.is_nothing() => {
                    warn(&format!("{path}: the bucket has no such service: {error}"));
                }
                Err(error) => {
                    is_good = false;
                    warn(&format!("{path}: {error}"));
                }
            }
        }
        Ok(crate::success_if(is_good))
    }

    /// Prints the queues of a service, and returns whether nothing is wrong with them.
    async fn list(&self, api: &mut CiApi, path: &str) -> Result<std::io::Result<bool>, ApiError> {
        let mut is_good = true;
        for page in 1..=MAX_PAGES {
            let (number, size) = (page.to_string(), PAGE_SIZE.to_string());
            let parameters = [("pageNumber", &*number), ("pageSize", &*size)];
            let answer = api.get(path, &parameters).await?;
            let elements = answer.elements()?;
            let queues: Vec<_> = elements
                .iter()
                .filter(|element| element.name == "QueueList")
                .collect();
            for queue in &queues {
                let (line, is_right) = self.describe(queue);
                is_good &= is_right;
                if let Err(error) = say(&line) {
                    return Ok(Err(error));
                }
            }
            if queues.len() < PAGE_SIZE {
                break;
            }
        }
        Ok(Ok(is_good))
    }

    /// Describes a queue in a line, and returns whether nothing is wrong with it.
    fn describe(&self, queue: &Element<'_>) -> (String, bool) {
        let fields = queue.children().unwrap_or_default();
        let text = |name| printable(child_text(&fields, name));
        let notify = child(&fields, "NotifyConfig");
        let notify = notify.and_then(|notify| notify.children().ok());
        let notify = notify.unwrap_or_default();
        let config = |name| child_text(&notify, name);
        let url = config("Url");
        let target = match &url {
            Some(url) => shown_url(url),
            None => "no URL".to_owned(),
        };
        let mut line = format!(
            "{}  {}  {}  {target}  {}  {}",
            text("QueueId"),
            text("Name"),
            text("State"),
            printable(config("Event")),
            printable(config("State")),
        );
        let Some(own) = &self.url else {
            return (line, true);
        };
        let mut wrong = Vec::new();
        if child_text(&fields, "State").is_some_and(|state| state != "Active") {
            wrong.push("the queue is not active");
        }
        match (&url, config("Type").as_deref()) {
            (_, Some(kind)) if kind != "Url" => wrong.push("it reports elsewhere than to a URL"),
            (None, _) => wrong.push("it has no callback URL"),
            (Some(url), _) if url == own => {}
            (Some(url), _) if split(url).0 == split(own).0 => {
                wrong.push("it calls this host with another path or token");
            }
            (Some(_), _) => wrong.push("it calls another host"),
        }
        match config("State").as_deref() {
            None | Some("On") => {}
            Some("Off") => wrong.push("its callbacks are switched off"),
            // Words of states: those of jobs that it reports.
            Some(states) if states.contains("Success") && !states.contains("Failed") => {
                wrong.push("it does not report failures");
            }
            Some(states) if states.contains("Failed") => {}
            Some(_) => wrong.push("it is not known whether its callbacks are switched on"),
        }
        if config("Event").is_some_and(|event| !event.contains("TaskFinish")) {
            wrong.push("it reports other events than TaskFinish");
        }
        if !wrong.is_empty() {
            line += &format!("  wrong: {}", wrong.join("; "));
        }
        (line, wrong.is_empty())
    }
}

/// Splits a URL into scheme and host, and the rest, which has the token.
fn split(url: &str) -> (&str, &str) {
    let begin = url.find("://").map_or(0, |at| at + "://".len());
    let end = url[begin..].find(['/', '?', '#']);
    url.split_at(end.map_or(url.len(), |end| begin + end))
}

/// Returns what of a URL may be shown: scheme, host and a digest of the rest.
fn shown_url(url: &str) -> String {
    let (host, rest) = split(url);
    // What stands before an at sign is a name and a password.
    let host = match host.rsplit_once('@') {
        Some((_, host)) => format!("…@{host}"),
        None => host.to_owned(),
    };
    let digest = hex::encode(Sha256::digest(rest));
    format!(
        "{}/…sha256:{}",
        printable(Some(host)),
        &digest[..DIGEST_LENGTH]
    )
}

/// Returns a text of the vendor's without what a terminal takes for a command, or `-`.
fn printable(text: Option<String>) -> String {
    let text = text.unwrap_or_else(|| "-".to_owned());
    text.chars()
        .filter(|character| !character.is_control())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_url_only_the_host_is_shown() {
        let digest = &hex::encode(Sha256::digest("/s3cret?token=s3cret"))[..16];
        for (url, shown) in [
            (
                "https://a.lambda-url.eu-central-1.on.aws/s3cret?token=s3cret",
                "https://a.lambda-url.eu-central-1.on.aws/",
            ),
            ("https://n:s3cret@h:1/s3cret?token=s3cret", "…@h:1/"),
        ] {
            assert_eq!(shown_url(url), format!("{shown}…sha256:{digest}"));
        }
        for url in ["s3cret", "http://h?token=s3cret", "http://h#s3cret"] {
            let shown = shown_url(url);
            assert!(url == "s3cret" || !shown.contains("s3cret"), "{shown}");
        }
    }
}
