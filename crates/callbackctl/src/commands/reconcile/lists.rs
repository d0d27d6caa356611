//! The vendor's lists of jobs.

use crate::ci_api::ApiError;

/// The tags to list jobs by, one per request, with the `queueType` of each. Lists of pictures, documents
/// and files may be empty without it; lists of media and speech may be empty with a wrong one.
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

/// Tags that jobs have, but that the vendor does not document for lists: it may refuse them.
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
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Tasks => "/jobs",
            Self::Runs => "/workflowexecution",
        }
    }

    /// The name of an entry, and those of its id and the time of its creation.
    pub(super) fn names(self) -> [&'static str; 3] {
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
    pub(super) filter: Vec<(&'static str, String)>,
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

    /// Returns whether it lists the tasks of this queue, and no others.
    pub(super) fn is_of_queue(&self, id: &str) -> bool {
        self.filter
            .iter()
            .any(|(name, value)| *name == "queueId" && value == id)
    }

    /// Returns whether an error only means that there is nothing to list.
    pub(super) fn is_absent(&self, error: &ApiError) -> bool {
        !self.is_chosen
            && (error.is_nothing() || (!self.is_documented && error.is_invalid_argument()))
    }
}

/// Returns the lists of a run. Without a filter these are all lists. With tags or queues only tasks are
/// listed, with workflows only runs, and with both kinds of filters both.
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

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
