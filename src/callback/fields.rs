//! Lists Tencent's names that are lists, numbers or booleans in the normal form.
//!
//! Any other name is a text, and an array only if it has several values. A test compares the table with the
//! vendor's list of fields.

/// The form of a name's values in the normal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Text, exactly as written.
    Text,
    /// A JSON number with the same digits, if the text is one.
    Number,
    /// A JSON boolean, if the text is one.
    Boolean,
    /// An array even with one value.
    List,
}

/// A few names have another shape in moderation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Tasks, workflows and callbacks of an unknown family.
    Jobs,
    /// Moderation: `Result` is the verdict, and a job's `Snapshot` is the list of its frames.
    Moderation,
}

impl Dialect {
    /// Returns the shape of `name` below `parent`.
    pub(crate) fn shape(self, parent: &str, name: &str) -> Shape {
        match (self, parent, name) {
            (Self::Moderation, "DetectDetail", "Result") => Shape::List,
            (Self::Moderation, _, "Result") => Shape::Number,
            // Below `Operation`, the same name is the configuration of a task: a single node.
            (Self::Moderation, "JobsDetail", "Snapshot") => Shape::List,
            _ => {
                let field = FIELDS.get(name).filter(|field| field.is_below(parent));
                field.map_or(Shape::Text, |field| field.0)
            }
        }
    }
}

/// Returns whether `name` below `parent` is a list in one of the dialects.
pub(super) fn may_be_list(parent: &str, name: &str) -> bool {
    let shapes = [Dialect::Jobs, Dialect::Moderation].map(|dialect| dialect.shape(parent, name));
    shapes.contains(&Shape::List)
}

/// The shape of a name, and the parents below which the name has it: all if empty. Below others it is a text.
struct Field(Shape, &'static [&'static str]);

impl Field {
    fn is_below(&self, parent: &str) -> bool {
        self.1.is_empty() || self.1.contains(&parent)
    }
}

const LIST: Field = Field(Shape::List, &[]);
const NUMBER: Field = Field(Shape::Number, &[]);
const BOOLEAN: Field = Field(Shape::Boolean, &[]);

const fn list_below(parents: &'static [&'static str]) -> Field {
    Field(Shape::List, parents)
}

const fn number_below(parents: &'static [&'static str]) -> Field {
    Field(Shape::Number, parents)
}

/// The fields of both dialects. A perfect hash, since each name of each body is looked up.
static FIELDS: phf::Map<&str, Field> = phf::phf_map! {
    "ActionTags" => list_below(&["Data"]),
    "AddToHeader" => BOOLEAN,
    "AestheticScore" => NUMBER,
    "AllFile" => BOOLEAN,
    "Angel" => NUMBER,
    "AnimateOnlyKeepKeyFrame" => BOOLEAN,
    "AreaCoordSet" => NUMBER,
    "Audio" => list_below(&["Detection", "Stream"]),
    "AudioMixArray" => LIST,
    "AudioSection" => LIST,
    "AudioTime" => NUMBER,
    "AvgFps" => NUMBER,
    "BBox" => list_below(&["DetailPerSecond", "Objects"]),
    "BigImage" => BOOLEAN,
    "BitDepth" => NUMBER,
    "Bitrate" => NUMBER,
    "BlackAndWhite" => BOOLEAN,
    "BodyInfo" => LIST,
    "BodyRecognition" => LIST,
    "BodyRecognitionResult" => LIST,
    "CarInfo" => LIST,
    "CarRecognition" => LIST,
    "CarRecognitionResult" => LIST,
    "Channel" => NUMBER,
    "ChannelNum" => NUMBER,
    "Channels" => NUMBER,
    "ClarityScore" => NUMBER,
    "ClipFrameResult" => LIST,
    "Comments" => number_below(&["DocProcess"]),
    "CompressFileCount" => NUMBER,
    "CompressionResult" => NUMBER,
    "ConcatFragment" => LIST,
    "Confidence" => NUMBER,
    "Contents" => LIST,
    "Count" => NUMBER,
    "DeleteDuplicates" => BOOLEAN,
    "DetailPerSecond" => LIST,
    "DetailedResult" => list_below(&["VqaPlusResult"]),
    "Duration" => NUMBER,
    "EnableBgmFade" => BOOLEAN,
    "EnableEndFadeout" => BOOLEAN,
    "EnableScaleUp" => BOOLEAN,
    "EnableStartFadein" => BOOLEAN,
    "End" => number_below(&["Positions"]),
    "EndIndex" => NUMBER,
    "EndMs" => NUMBER,
    "EndPage" => number_below(&["DocProcess"]),
    "EndTime" => number_below(&["LanguageResults", "RecognitionResults", "SentenceScores", "SpeakerResults"]),
    "EndTimeOffset" => NUMBER,
    "ErrorCount" => NUMBER,
    "ErrorFile" => list_below(&["ErrorDetail"]),
    "FaceInfo" => LIST,
    "FaceRecognition" => LIST,
    "FaceRecognitionResult" => LIST,
    "FailPageCount" => NUMBER,
    "FileCount" => NUMBER,
    "FileSize" => NUMBER,
    "FillInput" => list_below(&["FillConcat"]),
    "FirstTime" => NUMBER,
    "FlashResult" => LIST,
    "ForbidState" => NUMBER,
    "Force" => BOOLEAN,
    "FrameCount" => NUMBER,
    "FusionScore" => NUMBER,
    "HasBFrame" => NUMBER,
    "Height" => NUMBER,
    "HitFlag" => NUMBER,
    "HitInfos" => LIST,
    "IgnoreError" => BOOLEAN,
    "ImageDpi" => number_below(&["DocProcess"]),
    "ImageInspectResult" => LIST,
    "Index" => NUMBER,
    "Inlier" => NUMBER,
    "IsCheckBlack" => BOOLEAN,
    "IsCheckCount" => BOOLEAN,
    "IsCheckReso" => BOOLEAN,
    "IsHlsEncrypt" => BOOLEAN,
    "IsPicInfo" => BOOLEAN,
    "IsTruncated" => BOOLEAN,
    "ItemPolygon" => LIST,
    "Items" => list_below(&["DetailedResult"]),
    "JobLevel" => NUMBER,
    "JobsDetail" => LIST,
    "JudgementResult" => list_below(&["JudgementInfo"]),
    "Key" => list_below(&["DownloadConfig", "FileCompressConfig"]),
    "KeyConfig" => list_below(&["FileCompressConfig"]),
    "KeyType" => number_below(&["Encryption"]),
    "Keywords" => LIST,
    "Labels" => list_below(&["Data"]),
    "LanguageResults" => LIST,
    "Length" => NUMBER,
    "LibResults" => LIST,
    "LibType" => NUMBER,
    "LicenseRecognition" => LIST,
    "LicenseRecognitionResult" => LIST,
    "ListResults" => list_below(&["ListInfo"]),
    "ListType" => NUMBER,
    "ListingFile" => BOOLEAN,
    "LongImage" => BOOLEAN,
    "MatchDetail" => LIST,
    "MatchEndTime" => NUMBER,
    "MatchStartTime" => NUMBER,
    "Md5Info" => list_below(&["OutputFile", "SpriteOutputFile"]),
    "NoAudio" => BOOLEAN,
    "NoVideo" => BOOLEAN,
    "NumFrames" => NUMBER,
    "NumProgram" => NUMBER,
    "NumStream" => NUMBER,
    "ObjectCount" => NUMBER,
    "ObjectInfo" => LIST,
    "ObjectName" => list_below(&["OutputFile", "SpriteOutputFile"]),
    "ObjectResults" => LIST,
    "ObjectTags" => list_below(&["Data"]),
    "ObjectUrl" => list_below(&["OutputFile", "SpriteOutputFile"]),
    "Objects" => list_below(&["ObjectTags"]),
    "OcrResults" => LIST,
    "Offset" => NUMBER,
    "OffsetEndMs" => NUMBER,
    "OffsetStartMs" => NUMBER,
    "OffsetTime" => NUMBER,
    "Orientation" => NUMBER,
    "PageCount" => NUMBER,
    "PageInfo" => LIST,
    "PageNo" => NUMBER,
    "PageNumber" => NUMBER,
    "PaperDirection" => number_below(&["DocProcess"]),
    "PaperSize" => number_below(&["DocProcess"]),
    "PartBegin" => NUMBER,
    "PartEnd" => NUMBER,
    "PdfPageSize" => NUMBER,
    "PersonTags" => list_below(&["Data"]),
    "PetInfo" => LIST,
    "PetRecognition" => LIST,
    "PetRecognitionResult" => LIST,
    "PicIndex" => NUMBER,
    "PicNum" => NUMBER,
    "PicPagination" => number_below(&["DocProcess"]),
    "PicProcessResult" => LIST,
    "PicSize" => NUMBER,
    "PlaceTags" => list_below(&["Data"]),
    "PlateInfo" => LIST,
    "Polygon" => LIST,
    "Positions" => list_below(&["HitInfos"]),
    "Progress" => NUMBER,
    "PureImage" => BOOLEAN,
    "Quality" => NUMBER,
    "RecognitionResults" => LIST,
    "RefFrames" => NUMBER,
    "Result" => list_below(&["DetectDetail"]),
    "ResultDetail" => list_below(&["SpeechRecognitionResult"]),
    "ResultDetails" => LIST,
    "ResultInfo" => list_below(&["ResultDetails"]),
    "Results" => list_below(&["ImageResults", "PageSegment", "TextResults"]),
    "Rotate" => NUMBER,
    "Rotation" => NUMBER,
    "SampleRate" => NUMBER,
    "Samplerate" => NUMBER,
    "Score" => NUMBER,
    "Section" => LIST,
    "SectionCount" => NUMBER,
    "SentenceScores" => LIST,
    "SheetId" => number_below(&["DocProcess"]),
    "SheetNumber" => NUMBER,
    "Similar" => NUMBER,
    "SimilarDuration" => NUMBER,
    "Size" => NUMBER,
    "SmallImage" => BOOLEAN,
    "SnapshotCount" => NUMBER,
    "SnapshotTime" => NUMBER,
    "SongList" => LIST,
    "SpeakerId" => NUMBER,
    "SpeakerResults" => LIST,
    "SpeechSpeed" => NUMBER,
    "SpliceInfo" => list_below(&["VideoSynthesis"]),
    "SpriteObjectCount" => NUMBER,
    "SpriteObjectInfo" => LIST,
    "SrcEndTime" => NUMBER,
    "SrcStartTime" => NUMBER,
    "Start" => number_below(&["Positions"]),
    "StartByte" => NUMBER,
    "StartIndex" => NUMBER,
    "StartMs" => NUMBER,
    "StartPage" => number_below(&["DocProcess"]),
    "StartTime" => number_below(&["LanguageResults", "RecognitionResults", "SentenceScores", "SpeakerResults"]),
    "StartTimeOffset" => NUMBER,
    "StreamExtract" => list_below(&["Output"]),
    "SubErrCode" => NUMBER,
    "Subtitle" => list_below(&["Stream", "Subtitles"]),
    "SuccPageCount" => NUMBER,
    "Suggestion" => NUMBER,
    "Suspicious" => BOOLEAN,
    "SuspiciousBeginByte" => NUMBER,
    "SuspiciousEndByte" => NUMBER,
    "SuspiciousSize" => NUMBER,
    "Tags" => list_below(&["ActionTags", "Data", "PlaceTags"]),
    "Tasks" => LIST,
    "TextDetections" => LIST,
    "Time" => number_below(&[
        "BodyRecognition",
        "CarRecognition",
        "FaceRecognition",
        "LicenseRecognition",
        "PetRecognition",
        "ResultDetails",
    ]),
    "TimeInfo" => LIST,
    "TimeStamp" => NUMBER,
    "TotalPageCount" => NUMBER,
    "TotalScore" => NUMBER,
    "TotalSheetCount" => NUMBER,
    "Video" => list_below(&["Stream"]),
    "Volume" => NUMBER,
    "Watermark" => LIST,
    "WatermarkTemplateId" => LIST,
    "Weight" => NUMBER,
    "Width" => NUMBER,
    "WordCoordPoint" => LIST,
    "WordCoordinate" => LIST,
    "WordPolygon" => LIST,
    "Words" => LIST,
    "WordsGeneralizeLable" => LIST,
    "WordsGeneralizeToken" => LIST,
    "WordsNum" => NUMBER,
    "X" => NUMBER,
    "X-SheetPics" => NUMBER,
    "X1" => NUMBER,
    "X2" => NUMBER,
    "Y" => NUMBER,
    "Y1" => NUMBER,
    "Y2" => NUMBER,
    "Zoom" => number_below(&["DocProcess"]),
    "channel_id" => NUMBER,
    "code" => NUMBER,
    "count" => NUMBER,
    "end_time" => NUMBER,
    "forbidden_status" => NUMBER,
    "hit_flag" => NUMBER,
    "result" => number_below(&["data"]),
    "score" => NUMBER,
    "sentence_list" => LIST,
    "speaker_id" => NUMBER,
    "start_time" => NUMBER,
    "word_list" => LIST,
};
