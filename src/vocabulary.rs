//! The vendor names that the normal form knows: which are lists, numbers, booleans.
//!
//! Every other name is text, and an array only where several values are left. One look-up in a
//! perfect hash tells all of it, since every name of every body is looked up. A test compares the
//! table with the vendor facts that it comes from.

/// What the text of a leaf becomes in the normal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    /// Text, exactly as written.
    Text,
    /// A JSON number where the text is one, its digits kept.
    Number,
    /// A JSON boolean where the text is one.
    Boolean,
}

/// The two dialects of the vocabulary: a few names mean something else in moderation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Tasks, workflows and callbacks of an unknown family.
    Jobs,
    /// Moderation: `Result` is the verdict, and a job's `Snapshot` the list of its frames.
    Moderation,
}

impl Dialect {
    /// What `name` below `parent` becomes: whether it is an array even with one value, and what
    /// its leaves are.
    pub(crate) fn normal(self, parent: &str, name: &str) -> (bool, Scalar) {
        let word = WORDS.get(name).unwrap_or(&TEXT);
        match (self, name) {
            (Self::Moderation, "Result") => (word.is_list_below(parent), Scalar::Number),
            // Below `Operation` the same name is a task's configuration, a single node.
            (Self::Moderation, "Snapshot") => (
                parent == "JobsDetail" || word.is_list_below(parent),
                word.scalar,
            ),
            _ => (word.is_list_below(parent), word.scalar),
        }
    }

    /// Whether `name` below `parent` is an array even with one value.
    pub(crate) fn is_list(self, parent: &str, name: &str) -> bool {
        self.normal(parent, name).0
    }
}

/// What is known of a name.
struct Word {
    list: List,
    scalar: Scalar,
}

/// Where a name is an array even with one value.
enum List {
    Always,
    Below(&'static [&'static str]),
}

impl Word {
    fn is_list_below(&self, parent: &str) -> bool {
        match self.list {
            List::Always => true,
            List::Below(parents) => parents.contains(&parent),
        }
    }
}

const LIST: Word = Word {
    list: List::Always,
    scalar: Scalar::Text,
};

const NUMBER: Word = Word {
    list: List::Below(&[]),
    scalar: Scalar::Number,
};

const BOOLEAN: Word = Word {
    list: List::Below(&[]),
    scalar: Scalar::Boolean,
};

/// What a name is that the vocabulary does not know.
static TEXT: Word = list_below(&[]);

const fn list_below(parents: &'static [&'static str]) -> Word {
    Word {
        list: List::Below(parents),
        scalar: Scalar::Text,
    }
}

/// The words of both dialects.
#[rustfmt::skip]
static WORDS: phf::Map<&str, Word> = phf::phf_map! {
    "ActionTags" => list_below(&["Data"]), "AddToHeader" => BOOLEAN, "AestheticScore" => NUMBER,
    "AllFile" => BOOLEAN, "Angel" => NUMBER, "AnimateOnlyKeepKeyFrame" => BOOLEAN,
    "Audio" => list_below(&["Stream"]), "AudioMixArray" => LIST, "AudioSection" => LIST,
    "AudioTime" => NUMBER, "AvgFps" => NUMBER, "BigImage" => BOOLEAN, "BitDepth" => NUMBER,
    "Bitrate" => NUMBER, "BlackAndWhite" => BOOLEAN, "BodyInfo" => LIST, "BodyRecognition" => LIST,
    "CarInfo" => LIST, "CarRecognition" => LIST, "Channel" => NUMBER, "ChannelNum" => NUMBER,
    "Channels" => NUMBER, "ClarityScore" => NUMBER, "ClipFrameResult" => LIST,
    "CompressFileCount" => NUMBER, "CompressionResult" => NUMBER, "ConcatFragment" => LIST,
    "Confidence" => NUMBER, "Contents" => LIST, "Count" => NUMBER, "DeleteDuplicates" => BOOLEAN,
    "DetailPerSecond" => LIST, "Duration" => NUMBER, "EnableBgmFade" => BOOLEAN,
    "EnableEndFadeout" => BOOLEAN, "EnableScaleUp" => BOOLEAN, "EnableStartFadein" => BOOLEAN,
    "EndIndex" => NUMBER, "EndMs" => NUMBER, "ErrorCount" => NUMBER, "FaceInfo" => LIST,
    "FaceRecognition" => LIST, "FailPageCount" => NUMBER, "FileCount" => NUMBER,
    "FileSize" => NUMBER, "ForbidState" => NUMBER, "Force" => BOOLEAN, "FrameCount" => NUMBER,
    "HasBFrame" => NUMBER, "Height" => NUMBER, "HitFlag" => NUMBER, "IgnoreError" => BOOLEAN,
    "ImageInspectResult" => LIST, "Index" => NUMBER, "Inlier" => NUMBER, "IsCheckBlack" => BOOLEAN,
    "IsCheckCount" => BOOLEAN, "IsCheckReso" => BOOLEAN, "IsHlsEncrypt" => BOOLEAN,
    "IsPicInfo" => BOOLEAN, "IsTruncated" => BOOLEAN, "ItemPolygon" => LIST, "JobLevel" => NUMBER,
    "JobsDetail" => LIST, "Keywords" => LIST, "Length" => NUMBER, "LibResults" => LIST,
    "LibType" => NUMBER, "LicenseRecognition" => LIST, "ListResults" => list_below(&["ListInfo"]),
    "LongImage" => BOOLEAN, "MatchDetail" => LIST, "MatchEndTime" => NUMBER,
    "MatchStartTime" => NUMBER, "Md5Info" => list_below(&["OutputFile", "SpriteOutputFile"]),
    "NoAudio" => BOOLEAN, "NoVideo" => BOOLEAN, "NumFrames" => NUMBER, "NumProgram" => NUMBER,
    "NumStream" => NUMBER, "ObjectCount" => NUMBER, "ObjectInfo" => LIST,
    "ObjectName" => list_below(&["OutputFile", "SpriteOutputFile"]), "ObjectResults" => LIST,
    "ObjectTags" => list_below(&["Data"]), "OcrResults" => LIST, "Offset" => NUMBER,
    "OffsetEndMs" => NUMBER, "OffsetStartMs" => NUMBER, "OffsetTime" => NUMBER,
    "Orientation" => NUMBER, "PageCount" => NUMBER, "PageInfo" => LIST, "PageNo" => NUMBER,
    "PageNumber" => NUMBER, "PdfPageSize" => NUMBER, "PersonTags" => list_below(&["Data"]),
    "PetInfo" => LIST, "PetRecognition" => LIST, "PicIndex" => NUMBER, "PicNum" => NUMBER,
    "PicProcessResult" => LIST, "PicSize" => NUMBER, "PlaceTags" => list_below(&["Data"]),
    "PlateInfo" => LIST, "Polygon" => LIST, "Progress" => NUMBER, "PureImage" => BOOLEAN,
    "Quality" => NUMBER, "RecognitionResults" => LIST, "RefFrames" => NUMBER,
    "Result" => list_below(&["DetectDetail"]),
    "ResultDetail" => list_below(&["SpeechRecognitionResult"]),
    "Results" => list_below(&["ImageResults", "PageSegment", "TextResults"]), "Rotate" => NUMBER,
    "Rotation" => NUMBER, "SampleRate" => NUMBER, "Samplerate" => NUMBER, "Score" => NUMBER,
    "Section" => LIST, "SectionCount" => NUMBER, "SentenceScores" => LIST, "SheetNumber" => NUMBER,
    "Similar" => NUMBER, "SimilarDuration" => NUMBER, "Size" => NUMBER, "SmallImage" => BOOLEAN,
    "SnapshotCount" => NUMBER, "SnapshotTime" => NUMBER, "SongList" => LIST, "SpeakerId" => NUMBER,
    "SpeakerResults" => LIST, "SpeechSpeed" => NUMBER, "SpriteObjectCount" => NUMBER,
    "SpriteObjectInfo" => LIST, "SrcEndTime" => NUMBER, "SrcStartTime" => NUMBER,
    "StartByte" => NUMBER, "StartIndex" => NUMBER, "StartMs" => NUMBER,
    "StreamExtract" => list_below(&["Output"]), "SubErrCode" => NUMBER,
    "Subtitle" => list_below(&["Stream"]), "SuccPageCount" => NUMBER, "Suggestion" => NUMBER,
    "Suspicious" => BOOLEAN, "SuspiciousBeginByte" => NUMBER, "SuspiciousEndByte" => NUMBER,
    "SuspiciousSize" => NUMBER, "Tags" => list_below(&["Data"]), "Tasks" => LIST,
    "TextDetections" => LIST, "TimeInfo" => LIST, "TimeStamp" => NUMBER, "TotalPageCount" => NUMBER,
    "TotalScore" => NUMBER, "TotalSheetCount" => NUMBER, "Video" => list_below(&["Stream"]),
    "Volume" => NUMBER, "Watermark" => LIST, "WatermarkTemplateId" => LIST, "Weight" => NUMBER,
    "Width" => NUMBER, "WordPolygon" => LIST, "Words" => LIST, "WordsGeneralizeLable" => LIST,
    "WordsGeneralizeToken" => LIST, "WordsNum" => NUMBER, "X" => NUMBER, "X-SheetPics" => NUMBER,
    "X1" => NUMBER, "X2" => NUMBER, "Y" => NUMBER, "Y1" => NUMBER, "Y2" => NUMBER,
    "channel_id" => NUMBER, "count" => NUMBER, "forbidden_status" => NUMBER, "hit_flag" => NUMBER,
    "score" => NUMBER, "sentence_list" => LIST, "word_list" => LIST,
};
