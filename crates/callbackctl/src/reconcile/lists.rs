//! The vendor's lists: which there are, and one page after the other.

use std::collections::HashSet;

use super::window::{Window, vendor_time};
use crate::{
    ci_api::{ApiError, CiApi},
    xml_answer::{Element, child, child_text, children},
};

/// The elements that a list may have beside its entries.
const OTHER_ELEMENTS: [&str; 3] = ["NextToken", "RequestId", "NonExistJobIds"];

/// How many jobs the vendor puts on a page at most.
const PAGE_SIZE: &str = "100";

/// The states of jobs that are over. The answer is looked at all the same.
const OVER: &str = "Success,Failed,Cancel";

/// The tags that jobs are listed by, one a request, with the `queueType` that each wants. Pictures,
/// documents and files may not show without theirs; media and speech may not show with a wrong one.
const TAGS: &[(Option<&str>, &[&str])] = &[
    (
        None,
        &[
            "Transcode",
            "Animation",
            "Snapshot",
            "SmartCover",
            "Concat",
            "VideoMontage",
            "SDRtoHDR",
            "VideoProcess",
            "SuperResolution",
            "Segment",
            "DigitalWatermark",
            "ExtractDigitalWatermark",
            "MediaInfo",
            "StreamExtract",
            "QualityEstimate",
            "VideoEnhance",
            "VoiceSeparate",
            "Tts",
            "NoiseReduction",
            "SpeechRecognition",
            "VideoTag",
            "Translation",
            "WordsGeneralize",
        ],
    ),
    (Some("PicProcess"), &["PicProcess", "PosterProduction"]),
    (Some("DocProcess"), &["DocProcess"]),
    (
        Some("FileProcess"),
        &["FileHashCode", "FileUncompress", "FileCompress"],
    ),
];

/// The same for tags that no page of the vendor lists by, though jobs have them: it may refuse these.
const UNDOCUMENTED_TAGS: &[(Option<&str>, &[&str])] = &[
    (
        None,
        &[
            "SoundHound",
            "VocalScore",
            "VideoTargetRec",
            "SegmentVideoBody",
            "FillConcat",
            "VideoSynthesis",
            "SplitVideoParts",
            "GeneratePlayList",
            "DNA",
            "Watermark",
        ],
    ),
    (Some("PicProcess"), &["ImageInspect", "ImageOCR"]),
    (Some("DocProcess"), &["DocWatermark"]),
];

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Tasks,
    Runs,
}

impl Kind {
    fn path(self) -> &'static str {
        match self {
            Self::Tasks => "/jobs",
            Self::Runs => "/workflowexecution",
        }
    }

    /// The name of an entry, and those of its id and the time of its creation.
    fn names(self) -> [&'static str; 3] {
        match self {
            Self::Tasks => ["JobsDetail", "JobId", "CreationTime"],
            Self::Runs => ["WorkflowExecutionList", "RunId", "CreateTime"],
        }
    }
}

/// One list of the vendor's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct List {
    pub(super) kind: Kind,
    /// The parameters that choose it.
    filter: Vec<(&'static str, String)>,
    /// Whether it was asked for by name: else there may be nothing of its kind.
    is_chosen: bool,
    is_documented: bool,
}

impl List {
    /// Returns its name in messages.
    pub(super) fn name(&self) -> String {
        let values: Vec<_> = self.filter.iter().map(|(_, value)| &**value).collect();
        match self.kind {
            Kind::Tasks => values.join(" "),
            Kind::Runs if values.is_empty() => "workflow runs".to_owned(),
            Kind::Runs => format!("workflow runs of {}", values.join(" ")),
        }
    }

    /// Returns whether an error means that there is nothing to list, and no more.
    pub(super) fn is_absent(&self, error: &ApiError) -> bool {
        !self.is_chosen
            && (error.is_nothing() || (!self.is_documented && error.is_invalid_argument()))
    }
}

/// Returns the lists of a run: without any filter all of them; by tags or queues only tasks, by
/// workflows only runs, by both both.
pub(super) fn lists(tags: &[String], queues: &[String], workflows: &[String]) -> Vec<List> {
    let is_for_tasks = !tags.is_empty() || !queues.is_empty();
    let mut lists = Vec::new();
    if is_for_tasks || workflows.is_empty() {
        let all = || {
            let documented = TAGS.iter().map(|group| (group, true));
            documented.chain(UNDOCUMENTED_TAGS.iter().map(|group| (group, false)))
        };
        let known = all().flat_map(|((queue_type, tags), is_documented)| {
            tags.iter()
                .map(move |tag| (*tag, *queue_type, is_documented))
        });
        let known: Vec<_> = known.collect();
        let chosen: Vec<_> = if tags.is_empty() {
            known
        } else {
            let find = |tag: &str| known.iter().find(|(name, ..)| *name == tag);
            let type_of = |tag: &str| find(tag).and_then(|(_, queue_type, _)| *queue_type);
            tags.iter()
                .map(|tag| (&**tag, type_of(tag), true))
                .collect()
        };
        for (tag, queue_type, is_documented) in chosen {
            let list = |more: Option<(&'static str, String)>| List {
                kind: Kind::Tasks,
                filter: [("tag", tag.to_owned())].into_iter().chain(more).collect(),
                is_chosen: !tags.is_empty(),
                is_documented,
            };
            if queues.is_empty() {
                lists.push(list(queue_type.map(|name| ("queueType", name.to_owned()))));
            }
            // The type of a queue that is named is ignored.
            let by_queue = queues
                .iter()
                .map(|queue| list(Some(("queueId", queue.clone()))));
            lists.extend(by_queue);
        }
    }
    let runs = |filter| List {
        kind: Kind::Runs,
        is_chosen: !workflows.is_empty(),
        is_documented: true,
        filter,
    };
    if !is_for_tasks && workflows.is_empty() {
        lists.push(runs(Vec::new()));
    }
    lists.extend(
        workflows
            .iter()
            .map(|id| runs(vec![("workflowId", id.clone())])),
    );
    lists
}

/// Reads the pages of a list, one after the other.
pub(super) struct Pages<'l> {
    list: &'l List,
    times: [String; 2],
    token: Option<String>,
    tokens: HashSet<String>,
    ids: HashSet<String>,
    /// When the last job of the last page was created, as the vendor wrote it.
    last_created: Option<String>,
    state: State,
}

enum State {
    Going,
    /// The last page was the last one, or what it said of the next one makes no sense.
    Over(Option<ApiError>),
}

impl<'l> Pages<'l> {
    pub(super) fn new(list: &'l List, window: &Window) -> Self {
        Self {
            list,
            times: [window.created_from, window.created_until].map(vendor_time),
            token: None,
            tokens: HashSet::new(),
            ids: HashSet::new(),
            last_created: None,
            state: State::Going,
        }
    }

    /// Describes how far the list has been read.
    pub(super) fn place(&self) -> String {
        match &self.last_created {
            None => "at its first page".to_owned(),
            Some(time) => format!("after {} jobs, the last created at {time}", self.ids.len()),
        }
    }

    /// Returns whether a page has been read.
    pub(super) fn has_begun(&self) -> bool {
        !self.tokens.is_empty() || matches!(self.state, State::Over(_))
    }

    /// Returns the entries of the next page, each as XML, or `None` after the last one.
    ///
    /// # Errors
    /// If there is no next page, although this is not the end. The vendor does not say how a list ends:
    /// it does with a page without a token or without jobs.
    pub(super) async fn next(&mut self, api: &mut CiApi) -> Result<Option<Vec<String>>, ApiError> {
        if let State::Over(error) = &mut self.state {
            return error.take().map_or(Ok(None), Err);
        }
        let [from, until] = &self.times;
        let mut parameters: Vec<_> = self
            .list
            .filter
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        parameters.extend([
            ("states", OVER),
            // A list in the other order moves while it is read.
            ("orderByTime", "Asc"),
            ("size", PAGE_SIZE),
            ("startCreationTime", from),
            ("endCreationTime", until),
        ]);
        parameters.extend(self.token.as_deref().map(|token| ("nextToken", token)));
        let answer = api.get(self.list.kind.path(), &parameters).await?;
        let elements = answer.elements()?;
        let [name, id, created] = self.list.kind.names();
        let mut entries = Vec::new();
        let mut has_new = false;
        for entry in elements.iter().filter(|element| element.name == name) {
            let fields = children(entry.xml, name).map_err(|reason| answer.unusable(reason))?;
            // An entry without an id is reported when its node is read. It could repeat for ever.
            has_new |= child_text(&fields, id).is_some_and(|id| self.ids.insert(id));
            let created = child_text(&fields, created).filter(|time| is_time(time));
            self.last_created = created.or(self.last_created.take());
            entries.push(entry.xml.to_owned());
        }
        // What has no entries and something else is an error in another form, not an empty list.
        let is_known = |element: &&Element<'_>| OTHER_ELEMENTS.contains(&element.name);
        if entries.is_empty() && !elements.iter().all(|element| is_known(&element)) {
            return Err(answer.unusable("expected a list"));
        }
        let token = child(&elements, "NextToken");
        self.token = token.and_then(|token| token.text());
        if self.token.is_none() && token.is_some_and(|token| !token.is_empty()) {
            let error = answer.unusable("expected a token that can be read");
            self.state = State::Over(Some(error));
            return Ok(Some(entries));
        }
        if entries.is_empty() {
            self.token = None;
        }
        if let Some(token) = &self.token {
            if !self.tokens.insert(token.clone()) || !has_new {
                let error = answer.unusable("expected the next page, but found one that repeats");
                self.state = State::Over(Some(error));
            }
        } else {
            self.state = State::Over(None);
        }
        Ok(Some(entries))
    }
}

/// Returns whether a text of the vendor's may be printed as a time.
fn is_time(text: &str) -> bool {
    text.len() <= 32
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"-:+TZ. ".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(lists: &[List]) -> Vec<String> {
        lists.iter().map(List::name).collect()
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn filters_choose_the_lists() {
        let all = lists(&[], &[], &[]);
        assert_eq!(all.len(), 43);
        let repeats: HashSet<_> = all.iter().map(List::name).collect();
        assert_eq!(repeats.len(), all.len(), "each is there once");
        assert!(all.iter().all(|list| !list.is_chosen));
        assert_eq!(all.last().map(|list| list.kind), Some(Kind::Runs));

        let found = lists(&texts(&["Transcode", "DocProcess", "New"]), &[], &[]);
        assert_eq!(names(&found), ["Transcode", "DocProcess DocProcess", "New"]);
        let found = lists(&texts(&["DocProcess"]), &texts(&["p1", "p2"]), &[]);
        assert_eq!(names(&found), ["DocProcess p1", "DocProcess p2"]);
        let found = lists(&[], &texts(&["p1"]), &[]);
        assert_eq!(found.len(), 42, "tasks only");
        let found = lists(&[], &[], &texts(&["w1", "w2"]));
        assert_eq!(
            names(&found),
            ["workflow runs of w1", "workflow runs of w2"]
        );
        let found = lists(&texts(&["Tts"]), &[], &texts(&["w1"]));
        assert_eq!(names(&found), ["Tts", "workflow runs of w1"]);
    }
}
