//! `callbackctl queues`: lists Tencent's queues and their callback settings.

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

/// The paths of the lists of queues, one per service.
const PATHS: [&str; 6] = [
    "/queue",
    "/picqueue",
    "/docqueue",
    "/asrqueue",
    "/ai_queue",
    "/file_queue",
];

/// The elements of a list that are not queues.
const OTHER_ELEMENTS: [&str; 5] = [
    "RequestId",
    "TotalCount",
    "PageNumber",
    "PageSize",
    "NonExistPIDs",
];

/// The number of queues per request.
const PAGE_SIZE: &str = "100";

/// The maximum length of a printed value, in characters. Ids have 33 characters, and tokens of `callbackctl` 64.
const MAX_WORD_LENGTH: usize = 40;

/// The number of hexadecimal digits of a printed digest.
const DIGEST_LENGTH: usize = 16;

/// Lists Tencent's queues and their callback settings.
#[derive(Args)]
pub(crate) struct QueuesArgs {
    #[command(flatten)]
    bucket: BucketArgs,
    /// The callback URL with its token: flags queues that do not call it for every job
    #[arg(long)]
    url: Option<String>,
}

impl QueuesArgs {
    /// Runs the command, and returns whether all queues were listed and have no problems.
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
                        "{path}: the service is not enabled for this bucket: {error}"
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
            warn("no queues found: check that a service is enabled for this bucket");
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
            (_, Some(kind)) if kind != "Url" => problems.push("its callbacks do not go to a URL"),
            (None, _) => problems.push("it has no callback URL"),
            (Some(url), _) if url == *own => {}
            (Some(url), _) if host_of(&url).is_some() && host_of(&url) == host_of(own) => {
                problems.push("its callback URL has another path or token");
            }
            (Some(_), _) => problems.push("its callback URL has another host"),
        }
        match config("State").as_deref() {
            None | Some("On") => {}
            Some("Off") => problems.push("its callbacks are disabled"),
            // A list of job states: the queue reports only jobs in these states.
            Some(states) => match (has_word(states, "Success"), has_word(states, "Failed")) {
                (true, true) => {}
                (true, false) => problems.push("it does not report failures"),
                (false, true) => problems.push("it does not report successes"),
                (false, false) => problems.push("it reports neither successes nor failures"),
            },
        }
        if config("Event").is_some_and(|events| !has_word(&events, "TaskFinish")) {
            problems.push("it does not report TaskFinish");
        }
        problems
    }
}

/// Returns a line that describes a queue.
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

/// Returns a text if it is a word or a list of words, which are safe to print, else `-`.
fn word(text: Option<String>) -> String {
    let is_legal = |character: char| character.is_alphanumeric() || "-_.,".contains(character);
    text.filter(|text| text.chars().count() <= MAX_WORD_LENGTH && text.chars().all(is_legal))
        .unwrap_or_else(|| "-".to_owned())
}

/// Returns whether a comma-separated list contains a word.
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
        // A response with unknown elements and without queues is an error, not an empty list.
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
        // A server that ignores `pageNumber` returns the first page again.
        if queues.len() == before {
            break;
        }
    }
    Ok(queues)
}

/// Returns the host of a URL. Returns `None` if the authority contains anything else, which could be the token.
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

/// Returns the host of a URL and a digest of the whole URL, which are safe to print.
fn shown_url(url: &str) -> String {
    let digest = hex::encode(Sha256::digest(url));
    let host = host_of(url).unwrap_or_default();
    format!("{host}…sha256:{}", &digest[..DIGEST_LENGTH])
}
