//! Selects the lists of jobs to read from Tencent's API.

use crate::tencent::error::ApiError;

/// The tags of tasks, each with its `queueType`. A request lists the tasks of one tag. Lists of pictures,
/// documents and files may be empty without `queueType`. Lists of media and speech may be empty with a wrong
/// one.
const TAGS: &[(Option<&str>, &str)] = &[
    (
        None,
        "Transcode Animation Snapshot SmartCover Concat VideoMontage SDRtoHDR VideoProcess \
         SuperResolution Segment DigitalWatermark ExtractDigitalWatermark MediaInfo StreamExtract \
         QualityEstimate VideoEnhance VoiceSeparate Tts NoiseReduction SpeechRecognition VideoTag \
         Translation WordsGeneralize",
    ),
    (Some("PicProcess"), "PicProcess PosterProduction"),
    (Some("DocProcess"), "DocProcess"),
    (
        Some("FileProcess"),
        "FileHashCode FileUncompress FileCompress",
    ),
];

/// The tags of jobs that Tencent does not document for lists. It may reject them.
const UNDOCUMENTED_TAGS: &[(Option<&str>, &str)] = &[
    (
        None,
        "SoundHound VocalScore VideoTargetRec SegmentVideoBody FillConcat VideoSynthesis \
         SplitVideoParts GeneratePlayList DNA Watermark",
    ),
    (Some("PicProcess"), "ImageInspect ImageOCR"),
    (Some("DocProcess"), "DocWatermark"),
];

/// The kind of jobs in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListKind {
    Tasks,
    Runs,
}

impl ListKind {
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Tasks => "/jobs",
            Self::Runs => "/workflowexecution",
        }
    }

    /// Returns the element names of an entry and of its id.
    pub(super) fn names(self) -> [&'static str; 2] {
        match self {
            Self::Tasks => ["JobsDetail", "JobId"],
            Self::Runs => ["WorkflowExecutionList", "RunId"],
        }
    }
}

/// A list of jobs in Tencent's API.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct List {
    pub(super) kind: ListKind,
    /// The query parameters that select the jobs.
    pub(super) filter: Vec<(&'static str, String)>,
    /// Whether a command-line argument requests the list.
    is_requested: bool,
    is_documented: bool,
}

impl List {
    /// Returns the name of the list for messages.
    pub(super) fn name(&self) -> String {
        let values: Vec<_> = self.filter.iter().map(|(_, value)| &**value).collect();
        match self.kind {
            ListKind::Tasks => values.join(" "),
            ListKind::Runs if values.is_empty() => "workflow runs".to_owned(),
            ListKind::Runs => format!("workflow runs of {}", values.join(" ")),
        }
    }

    /// Returns whether the list contains only tasks of this queue.
    pub(super) fn is_of_queue(&self, id: &str) -> bool {
        let mut filter = self.filter.iter();
        filter.any(|(name, value)| *name == "queueId" && value == id)
    }

    /// Returns whether an error means that an optional list does not exist.
    pub(super) fn is_optional_and_missing(&self, error: &ApiError) -> bool {
        let is_missing = error.is_not_found() || (!self.is_documented && error.is_invalid());
        !self.is_requested && is_missing
    }
}

/// Returns the lists to read: all lists if no filter is set. Tags and queues select lists of tasks, and
/// workflows select lists of runs.
pub(super) fn lists(tags: &[String], queues: &[String], workflows: &[String]) -> Vec<List> {
    let mut lists = Vec::new();
    let is_for_tasks = !tags.is_empty() || !queues.is_empty();
    if is_for_tasks || workflows.is_empty() {
        for (tag, queue_type, is_documented) in tags_to_list(tags) {
            let list = |more: Option<(&'static str, String)>| List {
                kind: ListKind::Tasks,
                filter: [("tag", tag.clone())].into_iter().chain(more).collect(),
                is_requested: !tags.is_empty(),
                is_documented,
            };
            if queues.is_empty() {
                lists.push(list(queue_type.map(|name| ("queueType", name.to_owned()))));
            }
            // Tencent ignores `queueType` if `queueId` is set.
            lists.extend(
                queues
                    .iter()
                    .map(|queue| list(Some(("queueId", queue.clone())))),
            );
        }
    }
    let runs = |filter| List {
        kind: ListKind::Runs,
        is_requested: !workflows.is_empty(),
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

/// Returns the requested tags, or all known ones, each with its `queueType` and whether it is documented.
fn tags_to_list(requested: &[String]) -> Vec<(String, Option<&'static str>, bool)> {
    let groups = TAGS.iter().map(|group| (group, true));
    let groups = groups.chain(UNDOCUMENTED_TAGS.iter().map(|group| (group, false)));
    let known = groups.flat_map(|((queue_type, tags), is_documented)| {
        let tags = tags.split_whitespace();
        tags.map(move |tag| (tag.to_owned(), *queue_type, is_documented))
    });
    let known: Vec<_> = known.collect();
    if requested.is_empty() {
        return known;
    }
    let queue_type = |tag: &String| known.iter().find(|(name, ..)| name == tag)?.1;
    requested
        .iter()
        .map(|tag| (tag.clone(), queue_type(tag), true))
        .collect()
}
