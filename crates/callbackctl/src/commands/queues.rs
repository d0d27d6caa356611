//! `callbackctl queues`: where the vendor's queues send their callbacks.

use anyhow::Context;
use clap::Args;
use sha2::{Digest, Sha256};

use crate::{
    tencent::{
        client::{BucketArgs, Client},
        error::ApiError,
        xml::{self, Element, child, child_text},
    },
    terminal::{say, warn},
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
const PAGE_SIZE: &str = "100";

/// The longest word that is printed: ids have 33 characters, and tokens of this program 64.
const MAX_WORD_LENGTH: usize = 40;

/// How many digits of a digest tell one URL from another.
const DIGEST_LENGTH: usize = 16;

/// Prints the vendor's queues, and where they send their callbacks.
#[derive(Args)]
pub(crate) struct QueuesArgs {
    #[command(flatten)]
    bucket: BucketArgs,
    /// The callback URL with its token: marks the queues that do not call it, or not for each job
    #[arg(long)]
    url: Option<String>,
}

impl QueuesArgs {
    /// Runs the command, and returns whether nothing is wrong and nothing failed.
    pub(crate) async fn run(self) -> anyhow::Result<bool> {
        let mut client = Client::new(&self.bucket, None)?;
        let mut is_good = true;
        let mut not_found = 0;
        for path in PATHS {
            match list(&mut client, path).await {
                Ok(queues) => {
                    for queue in queues {
                        let fields =
                            xml::element(&queue).map_or(Vec::new(), |queue| queue.children());
                        let problems = self.problems(&fields);
                        is_good &= problems.is_empty();
                        say(line(&fields, &problems))?;
                    }
                }
                Err(error) if error.is_fatal() => return Err(error).context(path),
                Err(error) if error.is_not_found() => {
                    not_found += 1;
                    warn(format!(
                        "{path}: the bucket does not have this service: {error}"
                    ));
                }
                Err(error) => {
                    is_good = false;
                    warn(format!("{path}: {error}"));
                }
            }
        }
        if not_found == PATHS.len() {
            is_good = false;
            warn("this bucket has no queues: is no service bound to it?");
        }
        Ok(is_good)
    }

    /// Returns why a queue does not call `--url` for each job.
    fn problems(&self, fields: &[Element<'_>]) -> Vec<&'static str> {
        let Some(own) = &self.url else {
            return Vec::new();
        };
        let config = child(fields, "NotifyConfig").map_or(Vec::new(), |config| config.children());
        let config = |name| child_text(&config, name);
        let mut problems = Vec::new();
        if child_text(fields, "State").is_some_and(|state| state != "Active") {
            problems.push("the queue is not active");
        }
        match (config("Url"), config("Type").as_deref()) {
            (_, Some(kind)) if kind != "Url" => problems.push("it does not report to a URL"),
            (None, _) => problems.push("it has no callback URL"),
            (Some(url), _) if url == *own => {}
            (Some(url), _) if host_of(&url).is_some() && host_of(&url) == host_of(own) => {
                problems.push("it calls this host with another path or token");
            }
            (Some(_), _) => problems.push("it calls another host"),
        }
        match config("State").as_deref() {
            None | Some("On") => {}
            Some("Off") => problems.push("its callbacks are switched off"),
            // A list of job states: the queue reports the jobs in these states.
            Some(states) => match (has_word(states, "Success"), has_word(states, "Failed")) {
                (true, true) => {}
                (true, false) => problems.push("it does not report failures"),
                (false, true) => problems.push("it does not report successes"),
                (false, false) => problems.push("it may not report anything"),
            },
        }
        if config("Event").is_some_and(|events| !has_word(&events, "TaskFinish")) {
            problems.push("it does not report TaskFinish");
        }
        problems
    }
}

/// Describes a queue.
fn line(fields: &[Element<'_>], problems: &[&str]) -> String {
    let config = child(fields, "NotifyConfig").map_or(Vec::new(), |config| config.children());
    let url = child_text(&config, "Url");
    let mut line = format!(
        "{}  {}  {}  {}  {}  {}",
        word(child_text(fields, "QueueId")),
        word(child_text(fields, "Name")),
        word(child_text(fields, "State")),
        url.map_or("no URL".to_owned(), |url| shown_url(&url)),
        word(child_text(&config, "Event")),
        word(child_text(&config, "State")),
    );
    if !problems.is_empty() {
        line += &format!("  wrong: {}", problems.join("; "));
    }
    line
}

/// Returns a text if it is a word or a list of words, which may be printed, else `-`.
fn word(text: Option<String>) -> String {
    let is_legal = |character: char| character.is_alphanumeric() || "-_.,".contains(character);
    text.filter(|text| text.chars().count() <= MAX_WORD_LENGTH && text.chars().all(is_legal))
        .unwrap_or_else(|| "-".to_owned())
}

/// Returns whether a list of words, separated by commas, has this one.
fn has_word(words: &str, word: &str) -> bool {
    words.split(',').any(|found| found.trim() == word)
}

/// Returns the queues of a service, as XML.
async fn list(client: &mut Client, path: &str) -> Result<Vec<String>, ApiError> {
    let mut queues: Vec<String> = Vec::new();
    for page in 1.. {
        let number = page.to_string();
        let parameters = [("pageNumber", &*number), ("pageSize", PAGE_SIZE)];
        let response = client.get(path, &parameters).await?;
        let elements = xml::children(&response, "Response").map_err(ApiError::unusable)?;
        let is_queue = |element: &&Element<'_>| element.name == "QueueList";
        let listed = elements.iter().filter(is_queue);
        // What has no queues and something else is an error in another form, not an empty list.
        let is_known = |element: &Element<'_>| OTHER_ELEMENTS.contains(&element.name);
        if listed.clone().next().is_none() && !elements.iter().all(is_known) {
            return Err(ApiError::unusable("the response is not a list of queues"));
        }
        let before = queues.len();
        for queue in listed {
            if !queues.iter().any(|known| known == queue.xml) {
                queues.push(queue.xml.to_owned());
            }
        }
        // A server that ignores the number of the page repeats the first one.
        if queues.len() == before {
            break;
        }
    }
    Ok(queues)
}

/// Returns the host of a URL, or `None` if the authority has anything else, which may be the token.
fn host_of(url: &str) -> Option<String> {
    let uri: ureq::http::Uri = url.parse().ok()?;
    uri.scheme()?;
    let authority = uri.authority()?.as_str();
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    authority
        .bytes()
        .all(is_legal)
        .then(|| authority.to_owned())
}

/// Returns the parts of a URL that may be printed: its host, and a digest of the whole URL.
fn shown_url(url: &str) -> String {
    let digest = hex::encode(Sha256::digest(url));
    let host = host_of(url).unwrap_or_default();
    format!("{host}…sha256:{}", &digest[..DIGEST_LENGTH])
}
