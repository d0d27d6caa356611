//! `callbackctl queues`: where the vendor's queues send their callbacks.

use std::process::ExitCode;

use clap::Args;
use sha2::{Digest, Sha256};

use crate::{
    Failure,
    ci_api::{ApiError, BucketArguments, CiApi},
    terminal::{say, warn},
    wrong_usage,
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

/// The elements that a list may have next to its queues.
const OTHER_ELEMENTS: [&str; 5] = [
    "RequestId",
    "TotalCount",
    "PageNumber",
    "PageSize",
    "NonExistPIDs",
];

/// How many queues are asked for at once.
const PAGE_SIZE: usize = 100;

/// How many pages a service may have: a bucket has a handful of queues.
const MAX_PAGES: usize = 20;

/// The shortest part of a URL after its host that may be the token: shorter ones are names, like a stage.
const MIN_TOKEN_LENGTH: usize = 8;

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
            Err(problems) => return Ok(wrong_usage(&problems)),
        };
        let mut is_good = true;
        let mut absent = 0;
        for path in PATHS {
            let queues = match list(&mut api, path).await {
                Ok(queues) => queues,
                Err(error @ ApiError::Key(_)) => return Err(Failure(error.to_string())),
                Err(error) if error.is_nothing() => {
                    absent += 1;
                    warn(&format!("{path}: the bucket has no such service: {error}"));
                    continue;
                }
                Err(error) => {
                    is_good = false;
                    warn(&format!("{path}: {error}"));
                    continue;
                }
            };
            for queue in &queues {
                let queue = Element {
                    name: "QueueList",
                    xml: queue,
                };
                let (line, is_right) = self.describe(&queue, &api);
                is_good &= is_right;
                say(&line)?;
            }
        }
        if absent == PATHS.len() {
            is_good = false;
            warn("the vendor has no queues of this bucket: is no service bound to it?");
        }
        Ok(crate::success_if(is_good))
    }

    /// Describes a queue in a line, and returns whether nothing is wrong with it.
    fn describe(&self, queue: &Element<'_>, api: &CiApi) -> (String, bool) {
        let fields = queue.children();
        let shown = |text: Option<String>| {
            let is_shown = |text: &String| api.is_printable(text) && !self.is_secret(text);
            printable(text.filter(is_shown))
        };
        let text = |name| shown(child_text(&fields, name));
        let notify = child(&fields, "NotifyConfig");
        let notify = notify.map_or(Vec::new(), |notify| notify.children());
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
            shown(config("Event")),
            shown(config("State")),
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
            (Some(url), _) if host_of(url).is_some_and(|host| host_of(own) == Some(host)) => {
                wrong.push("it calls this host with another path or token");
            }
            (Some(_), _) => wrong.push("it calls another host"),
        }
        match config("State").as_deref() {
            None | Some("On") => {}
            Some("Off") => wrong.push("its callbacks are switched off"),
            // A list of job states: the queue reports the jobs in these states.
            Some(states) => match (has_word(states, "Success"), has_word(states, "Failed")) {
                (true, true) => {}
                (true, false) => wrong.push("it does not report failures"),
                (false, true) => wrong.push("it does not report successes"),
                (false, false) => {
                    wrong.push("it is not known whether its callbacks are switched on");
                }
            },
        }
        if config("Event").is_some_and(|events| !has_word(&events, "TaskFinish")) {
            wrong.push("it reports other events than TaskFinish");
        }
        if !wrong.is_empty() {
            line += &format!("  wrong: {}", wrong.join("; "));
        }
        (line, wrong.is_empty())
    }

    /// Returns whether a text holds a URL, or a part of `--url` that may be the token.
    fn is_secret(&self, text: &str) -> bool {
        let own = self.url.as_deref().unwrap_or_default();
        let (_, rest) = split(own).unwrap_or(("", own));
        let mut parts = rest.split(['/', '?', '&', '=', '#']);
        let is_held = |part: &str| part.len() >= MIN_TOKEN_LENGTH && text.contains(part);
        text.contains("://") || parts.any(is_held)
    }
}

/// Returns whether a list of words, separated by commas, has this one.
fn has_word(words: &str, word: &str) -> bool {
    words.split(',').any(|found| found.trim() == word)
}

/// Returns the queues of a service, as XML.
async fn list(api: &mut CiApi, path: &str) -> Result<Vec<String>, ApiError> {
    let mut queues: Vec<String> = Vec::new();
    for page in 1..=MAX_PAGES {
        let (number, size) = (page.to_string(), PAGE_SIZE.to_string());
        let parameters = [("pageNumber", &*number), ("pageSize", &*size)];
        let answer = api.get(path, &parameters).await?;
        let elements = answer.elements()?;
        let listed: Vec<_> = elements
            .iter()
            .filter(|element| element.name == "QueueList")
            .collect();
        // What has no queues and something else is an error in another form, not an empty list.
        let is_known = |element: &Element<'_>| OTHER_ELEMENTS.contains(&element.name);
        if listed.is_empty() && !elements.iter().all(is_known) {
            return Err(answer.unusable("expected a list of queues"));
        }
        let before = queues.len();
        for queue in &listed {
            if !queues.iter().any(|known| known == queue.xml) {
                queues.push(queue.xml.to_owned());
            }
        }
        // A page may have fewer than were asked for though others follow. A vendor that ignores the
        // page's number repeats the first one.
        let total = child_text(&elements, "TotalCount").and_then(|total| total.parse().ok());
        let is_last =
            listed.len() < PAGE_SIZE && total.is_none_or(|total: usize| total <= queues.len());
        if is_last || queues.len() == before {
            return Ok(queues);
        }
    }
    Err(ApiError::Unusable {
        reason: format!("expected at most {} queues", MAX_PAGES * PAGE_SIZE),
        request_id: None,
    })
}

/// Splits a URL into scheme and host, with its port, and the rest, which has the token. Returns `None`
/// if it is not of that form: then the token may be anywhere in it.
fn split(url: &str) -> Option<(&str, &str)> {
    let (scheme, after) = url.split_once("://")?;
    let end = after.find(['/', '?', '#']).unwrap_or(after.len());
    let (authority, _) = after.split_at(end);
    let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    let is_host = !host.is_empty() && host.bytes().all(is_legal);
    let is_url = matches!(scheme, "http" | "https") && is_host && port.parse::<u16>().is_ok();
    is_url.then(|| url.split_at(scheme.len() + "://".len() + end))
}

fn host_of(url: &str) -> Option<&str> {
    split(url).map(|(host, _)| host)
}

/// Returns the parts of a URL that may be printed: scheme, host and a digest of the rest.
fn shown_url(url: &str) -> String {
    let (host, rest) = split(url).unwrap_or(("", url));
    let digest = hex::encode(Sha256::digest(rest));
    let slash = if host.is_empty() { "" } else { "/" };
    format!("{host}{slash}…sha256:{}", &digest[..DIGEST_LENGTH])
}

/// Returns a text of the vendor without control characters, or `-` if it is absent.
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
        for (url, host, rest) in [
            ("https://h.on.aws/s3cret", "https://h.on.aws/", "/s3cret"),
            (
                "http://h:8080?token=s3cret",
                "http://h:8080/",
                "?token=s3cret",
            ),
            ("http://h#s3cret", "http://h/", "#s3cret"),
            ("https://h", "https://h/", ""),
        ] {
            let digest = hex::encode(Sha256::digest(rest));
            let shown = format!("{host}…sha256:{}", &digest[..DIGEST_LENGTH]);
            assert_eq!(shown_url(url), shown, "{url}");
        }
    }

    #[test]
    fn of_what_is_not_a_plain_url_nothing_is_shown() {
        for url in [
            "s3cret",
            "s3cret://h/",
            "https://h;s3cret",
            "https://user:s3cret@h",
            "https://s3cret@h/a",
            "https://h:s3cret",
            "https://h:s3cret/",
            "https://h\\s3cret",
            "https://h%2Fs3cret",
            "https:///s3cret",
            "//s3cret",
        ] {
            let digest = hex::encode(Sha256::digest(url));
            let shown = format!("…sha256:{}", &digest[..DIGEST_LENGTH]);
            assert_eq!(shown_url(url), shown, "{url}");
        }
    }
}
