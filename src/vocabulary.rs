//! The vendor names that the normal form knows: which are lists, numbers, booleans.
//!
//! Every other name is text, and an array only where several values are left.
//! The tables are sorted; a test compares them with the vendor facts that they come from.

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
    /// Whether `name` below `parent` is an array even with one value.
    pub(crate) fn is_list(self, parent: &str, name: &str) -> bool {
        LISTS.binary_search(&name).is_ok()
            || LISTS_BELOW.binary_search(&(name, parent)).is_ok()
            // Below `Operation` the same name is a task's configuration, a single node.
            || (self == Self::Moderation && name == "Snapshot" && parent == "JobsDetail")
    }

    /// What the text of a leaf called `name` becomes.
    pub(crate) fn scalar(self, name: &str) -> Scalar {
        if NUMBERS.binary_search(&name).is_ok() || (self == Self::Moderation && name == "Result") {
            Scalar::Number
        } else if BOOLEANS.binary_search(&name).is_ok() {
            Scalar::Boolean
        } else {
            Scalar::Text
        }
    }
}

/// Arrays under any parent.
#[rustfmt::skip]
static LISTS: &[&str] = &[
    "AudioMixArray", "AudioSection", "BodyInfo", "BodyRecognition", "CarInfo", "CarRecognition",
    "ClipFrameResult", "ConcatFragment", "Contents", "DetailPerSecond", "FaceInfo",
    "FaceRecognition", "ImageInspectResult", "ItemPolygon", "JobsDetail", "Keywords",
    "LibResults", "LicenseRecognition", "MatchDetail", "ObjectInfo", "ObjectResults",
    "OcrResults", "PageInfo", "PetInfo", "PetRecognition", "PicProcessResult", "PlateInfo",
    "Polygon", "RecognitionResults", "Section", "SentenceScores", "SongList", "SpeakerResults",
    "SpriteObjectInfo", "Tasks", "TextDetections", "TimeInfo", "Watermark", "WatermarkTemplateId",
    "WordPolygon", "Words", "WordsGeneralizeLable", "WordsGeneralizeToken", "sentence_list",
    "word_list",
];

/// Arrays under one parent only: (name, parent).
#[rustfmt::skip]
static LISTS_BELOW: &[(&str, &str)] = &[
    ("ActionTags", "Data"), ("Audio", "Stream"), ("ListResults", "ListInfo"),
    ("Md5Info", "OutputFile"), ("Md5Info", "SpriteOutputFile"), ("ObjectName", "OutputFile"),
    ("ObjectName", "SpriteOutputFile"), ("ObjectTags", "Data"), ("PersonTags", "Data"),
    ("PlaceTags", "Data"), ("Result", "DetectDetail"),
    ("ResultDetail", "SpeechRecognitionResult"), ("Results", "ImageResults"),
    ("Results", "PageSegment"), ("Results", "TextResults"), ("StreamExtract", "Output"),
    ("Subtitle", "Stream"), ("Tags", "Data"), ("Video", "Stream"),
];

/// Numbers.
#[rustfmt::skip]
static NUMBERS: &[&str] = &[
    "AestheticScore", "Angel", "AudioTime", "AvgFps", "BitDepth", "Bitrate", "Channel",
    "ChannelNum", "Channels", "ClarityScore", "CompressFileCount", "CompressionResult",
    "Confidence", "Count", "Duration", "EndIndex", "EndMs", "ErrorCount", "FailPageCount",
    "FileCount", "FileSize", "ForbidState", "FrameCount", "HasBFrame", "Height", "HitFlag",
    "Index", "Inlier", "JobLevel", "Length", "LibType", "MatchEndTime", "MatchStartTime",
    "NumFrames", "NumProgram", "NumStream", "ObjectCount", "Offset", "OffsetEndMs",
    "OffsetStartMs", "OffsetTime", "Orientation", "PageCount", "PageNo", "PageNumber",
    "PdfPageSize", "PicIndex", "PicNum", "PicSize", "Progress", "Quality", "RefFrames", "Rotate",
    "Rotation", "SampleRate", "Samplerate", "Score", "SectionCount", "SheetNumber", "Similar",
    "SimilarDuration", "Size", "SnapshotCount", "SnapshotTime", "SpeakerId", "SpeechSpeed",
    "SpriteObjectCount", "SrcEndTime", "SrcStartTime", "StartByte", "StartIndex", "StartMs",
    "SubErrCode", "SuccPageCount", "Suggestion", "SuspiciousBeginByte", "SuspiciousEndByte",
    "SuspiciousSize", "TimeStamp", "TotalPageCount", "TotalScore", "TotalSheetCount", "Volume",
    "Weight", "Width", "WordsNum", "X", "X-SheetPics", "X1", "X2", "Y", "Y1", "Y2", "channel_id",
    "count", "forbidden_status", "hit_flag", "score",
];

/// Booleans.
#[rustfmt::skip]
static BOOLEANS: &[&str] = &[
    "AddToHeader", "AllFile", "AnimateOnlyKeepKeyFrame", "BigImage", "BlackAndWhite",
    "DeleteDuplicates", "EnableBgmFade", "EnableEndFadeout", "EnableScaleUp", "EnableStartFadein",
    "Force", "IgnoreError", "IsCheckBlack", "IsCheckCount", "IsCheckReso", "IsHlsEncrypt",
    "IsPicInfo", "IsTruncated", "LongImage", "NoAudio", "NoVideo", "PureImage", "SmallImage",
    "Suspicious",
];
