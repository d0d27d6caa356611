//! The hostile bodies, with their names and expected results.

use super::ReadResult;

/// The size of most bodies: larger than Tencent's bodies, and smaller than the limit of a function URL.
pub(crate) const SIZE: usize = 4 * 1024 * 1024;

/// The number of jobs in the body with many jobs.
const JOBS: usize = 60_000;

/// A body with its name, its creation and the expected result.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) make: Box<dyn Fn() -> Vec<u8>>,
    pub(crate) answer: ReadResult,
}

impl Row {
    fn jobs(mut self, jobs: usize) -> Self {
        self.answer = ReadResult::Read { jobs };
        self
    }

    fn refused(mut self, reason: &str) -> Self {
        self.answer = ReadResult::Refused(reason.to_owned());
        self
    }
}

/// Returns a body with one job.
fn body(name: &'static str, make: impl Fn() -> Vec<u8> + 'static) -> Row {
    let (make, answer) = (Box::new(make), ReadResult::Read { jobs: 1 });
    Row { name, make, answer }
}

/// Returns a body with as many pieces as fit between `begin` and `end`.
fn filled(name: &'static str, begin: &'static str, piece: &'static str, end: &'static str) -> Row {
    body(name, move || fill(begin, piece, end))
}

/// Like [`filled`], inside the job of a body in XML.
fn xml_filled(
    name: &'static str,
    begin: &'static str,
    piece: &'static str,
    end: &'static str,
) -> Row {
    body(name, move || {
        let begin = format!("<Response><JobsDetail>{begin}");
        fill(&begin, piece, &format!("{end}</JobsDetail></Response>"))
    })
}

/// Like [`filled`], inside the job of a body in JSON.
fn json_filled(
    name: &'static str,
    begin: &'static str,
    piece: &'static str,
    end: &'static str,
) -> Row {
    body(name, move || {
        fill(
            &format!("{{\"JobsDetail\": {{{begin}"),
            piece,
            &format!("{end}}}}}"),
        )
    })
}

/// Returns all hostile bodies.
pub(crate) fn table() -> Vec<Row> {
    [xml(), json(), dense()].into_iter().flatten().collect()
}

fn xml() -> Vec<Row> {
    vec![
        filled(
            "XML, elements in elements",
            "<Response><JobsDetail>",
            "<a>",
            "",
        )
        .refused("line 1, column 317: nested deeper than 100 levels"),
        body("XML, one element of many attributes", || {
            let attributes = numbered(|n| format!(" a{n:x}=\"\""));
            xml_of(&format!("<a{attributes}/><JobId>j</JobId>"))
        }),
        body("XML, elements with an attribute each", || {
            // Below the limit of elements.
            xml_of(&"<a b=\"123456\">1</a>".repeat(199_000))
        }),
        body("XML, an attribute twice, after many", || {
            let attributes = numbered(|n| format!(" a{n:x}=\"\""));
            xml_of(&format!("<a{attributes} a1=\"\"/>"))
        })
        .refused("line 1, column 23: duplicate attribute"),
        xml_filled("XML, tiny elements", "", "<a/>", "")
            .refused("line 1, column 800015: more than 200000 elements"),
        xml_filled("XML, one name", "", "<Tag>A</Tag>", "")
            .refused("line 1, column 2399999: more than 200000 elements"),
        body("XML, one name as often as it may be", || {
            xml_of(&"<State>Success</State>".repeat(199_998))
        }),
        body("XML, names in the wrong order", || {
            let names = (0..199_000).rev().map(|n| format!("<a{n:06}>1</a{n:06}>"));
            xml_of(&names.collect::<String>())
        }),
        body("XML, one long name", || {
            let name = "a".repeat(SIZE / 2);
            xml_of(&format!("<{name}>1</{name}>"))
        }),
        xml_filled("XML, one long number", "<Size>", "7", "</Size>"),
        xml_filled("XML, one long text", "<JobId>", "媒", "</JobId>"),
        xml_filled("XML, references", "<JobId>", "&lt;", "</JobId>"),
        xml_filled(
            "XML, CDATA sections",
            "<JobId>",
            "<![CDATA[a]]>",
            "</JobId>",
        ),
        body("XML, pieces of text between elements", || {
            xml_of(&"a text of its own<b/>".repeat(199_000))
        }),
        body("XML, a template's prefix for every name", || {
            outputs_of(&("a".repeat(SIZE / 2) + "${"))
        }),
        body("XML, a prefix of slashes for every name", || {
            outputs_of(&"/".repeat(SIZE / 2))
        }),
        xml_filled(
            "XML, comments and instructions",
            "<JobId>j",
            "<!----><?a?>",
            "</JobId>",
        ),
        xml_filled("XML, line ends to fold", "<JobId>j", "\r\n", "</JobId>"),
        body("XML, headers of one name", || {
            xml_of(&"<CosHeaders><Key>a</Key><Value>b</Value></CosHeaders>".repeat(66_000))
        }),
        body("XML, a warning for every task", || {
            let tasks = "<Tasks><EndTime>soon</EndTime></Tasks>".repeat(99_000);
            format!("<Response><WorkflowExecution>{tasks}</WorkflowExecution></Response>")
                .into_bytes()
        }),
        filled("XML, a tag that does not end", "<Response", " ", "")
            .refused("line 1, column 1: tag not closed: `>` not found before end of input"),
        filled("XML, a mistake after many lines", "", "\n ", "<!---->")
            .refused("line 2097149, column 9: missing root element Response"),
        body("XML, an entity bomb", || {
            let mut dtd = "<!DOCTYPE Response [<!ENTITY a0 \"ha\">".to_owned();
            for n in 1..10 {
                let references = format!("&a{};", n - 1).repeat(10);
                dtd += &format!("<!ENTITY a{n} \"{references}\">");
            }
            let begin = dtd + "]><Response><JobsDetail><JobId>";
            fill(&begin, "&a9;", "</JobId></JobsDetail></Response>")
        })
        .refused("line 1, column 1: document type declarations are not allowed"),
        body("XML, many jobs", || {
            let jobs = (0..JOBS).map(|n| {
                format!("<JobsDetail><JobId>j{n}</JobId><State>Success</State></JobsDetail>")
            });
            format!("<Response>{}</Response>", jobs.collect::<String>()).into_bytes()
        })
        .jobs(JOBS),
        body("XML, a workflow's prefix for every name", || {
            let begin =
                "<Response><WorkflowExecution><Tasks><ResultInfo><ObjectInfo><ObjectPrefix>";
            let end = "</ObjectInfo></ResultInfo></Tasks></WorkflowExecution></Response>";
            let names = "<ObjectName>b</ObjectName><ObjectUrl>c</ObjectUrl>";
            let begin = format!("{begin}{}</ObjectPrefix>", "a".repeat(SIZE / 2));
            let count = (SIZE - begin.len() - end.len()) / names.len();
            [&begin, &*names.repeat(count), end].concat().into_bytes()
        }),
    ]
}

fn json() -> Vec<Row> {
    vec![
        filled(
            "JSON, arrays in arrays",
            "{\"JobsDetail\": {\"a\":",
            "[",
            "",
        )
        .refused("line 1, column 119: nested deeper than 100 levels"),
        filled(
            "JSON, objects in objects",
            "{\"JobsDetail\": {\"a\":",
            "{\"a\":",
            "",
        )
        .refused("line 1, column 511: nested deeper than 100 levels"),
        json_filled("JSON, tiny values", "\"a\": [", "1,", "1]")
            .refused("line 1, column 400017: more than 200000 values"),
        json_filled(
            "JSON, one name",
            "",
            "\"State\":\"Success\",",
            "\"JobId\":\"j\"",
        )
        .refused("line 1, column 3599989: more than 200000 values"),
        body("JSON, names in the wrong order", || {
            let names = (0..199_000).rev().map(|n| format!("\"a{n:06}\": 1234567,"));
            json_of(&names.collect::<String>())
        }),
        json_filled("JSON, one long name", "\"", "a", "\": 1"),
        json_filled("JSON, one long number", "\"Size\": ", "7", ""),
        json_filled("JSON, one long exponent", "\"Size\": 1e", "7", ""),
        json_filled("JSON, one long text", "\"JobId\": \"", "媒", "\""),
        json_filled("JSON, escapes", "\"JobId\": \"", "\\u0000", "\""),
        filled(
            "JSON, backslashes",
            "{\"JobsDetail\": {\"JobId\": \"",
            "\\\\",
            "",
        )
        .refused("line 1, column 26: unclosed string"),
        body("JSON, trailing commas", || {
            let items = "[\"12345678901234567890123456789012345\",],".repeat(99_000);
            json_of(&format!("\"a\": [{items}],"))
        }),
        filled("JSON, a mistake after many lines", "{", "\n", "}}")
            .refused("line 4194302, column 2: expected the end of the body"),
        body("JSON, headers of one name", || {
            let pairs = "{\"Key\": \"a\", \"Value\": \"b\"},".repeat(66_000);
            json_of(&format!("\"CosHeaders\": [{pairs}]"))
        }),
        body("JSON, many jobs", || {
            let job = |n| format!("{{\"JobId\": \"j{n}\", \"State\": \"Success\"}},");
            jobs_of(&(0..JOBS).map(job).collect::<String>())
        })
        .jobs(JOBS),
        filled("white space", "", " ", "")
            .refused("line 1, column 1: neither XML nor a JSON object"),
    ]
}

/// Returns smaller bodies with the maximum number of values, which are as small as possible. These bodies reach
/// the limit of values instead of the limit of bytes.
fn dense() -> Vec<Row> {
    vec![
        body("dense, items", || {
            json_of(&format!("\"a\":[{}]", "1,".repeat(199_990)))
        }),
        body("dense, items of a name with escapes", || {
            let name = format!("\\u0061{}", "n".repeat(2000));
            json_of(&format!("\"{name}\":[{}]", "1,".repeat(199_990)))
        }),
        body("dense, arrays in arrays", || {
            let deep = "[".repeat(96) + "1" + &"]".repeat(96) + ",";
            json_of(&format!("\"a\":[{}]", deep.repeat(1950)))
        }),
        body("dense, objects in objects", || {
            let deep = "{\"\":".repeat(96) + "1" + &"}".repeat(96) + ",";
            json_of(&format!("\"a\":[{}]", deep.repeat(1950)))
        }),
        body("dense, a long name in every warning", || {
            let name = "n".repeat(100_000);
            let scenes = vec![r#"{"HitFlag":"x","Score":"z"}"#; 1500].join(",");
            json_of(&format!(
                "\"Labels\":{{\"{name}Info\":[{scenes}]}},\"Result\":1"
            ))
        }),
        body("dense, headers", || {
            let headers: String = (0..199_900).map(|n| format!("\"{n:x}\":1,")).collect();
            json_of(&format!("\"CosHeaders\":{{{headers}}}"))
        }),
        body("dense, outputs", || {
            let file = format!("{{\"ObjectName\":[{}]}}", "\"a\",".repeat(199_900));
            json_of(&format!(
                "\"Operation\":{{\"MediaResult\":{{\"OutputFile\":{file}}}}}"
            ))
        }),
        body("dense, failed tasks", || {
            let tasks = "{\"Code\":1},".repeat(99_990);
            let run = format!("{{\"State\":\"Failed\",\"Tasks\":[{tasks}]}}");
            format!("{{\"WorkflowExecution\":{run}}}").into_bytes()
        }),
        body("dense, jobs", || jobs_of(&"{\"a\":1},".repeat(99_990))).jobs(99_990),
        body("dense, raised scenes", || {
            let scenes = (0..99_000).map(|n| format!("\"{n:x}Info\":{{\"HitFlag\":1}},"));
            json_of(&format!("{}\"Result\":1", scenes.collect::<String>()))
        }),
        body("dense, different jobs with one id", || {
            let jobs = (0..49_990).map(|n| format!("{{\"JobId\":1,\"a\":{n}}},"));
            jobs_of(&jobs.collect::<String>())
        })
        .jobs(49_990),
        body("dense, siblings of jobs", || {
            let siblings: String = (0..100_000).map(|n| format!("\"{n:x}\":1,")).collect();
            let jobs = "{\"a\":1},".repeat(20_000);
            format!("{{{siblings}\"JobsDetail\":[{jobs}]}}").into_bytes()
        })
        .refused(
            "the fields next to 20000 jobs would be copied into each of them: 22601920000 bytes, \
             more than 67108864",
        ),
    ]
}

/// Repeats `piece` as often as it fits between `begin` and `end`.
fn fill(begin: &str, piece: &str, end: &str) -> Vec<u8> {
    let count = (SIZE - begin.len() - end.len()) / piece.len();
    [begin, &piece.repeat(count), end].concat().into_bytes()
}

/// Returns as many different pieces as fit.
fn numbered(piece: impl Fn(usize) -> String) -> String {
    let mut pieces = String::new();
    for n in 0.. {
        if pieces.len() > SIZE - 100 {
            break;
        }
        pieces += &piece(n);
    }
    pieces
}

fn xml_of(job: &str) -> Vec<u8> {
    format!("<Response><JobsDetail>{job}</JobsDetail></Response>").into_bytes()
}

/// Returns a job whose outputs have this prefix, and as many short names as fit.
fn outputs_of(prefix: &str) -> Vec<u8> {
    let begin = "<Response><JobsDetail><Operation><MediaResult><OutputFile><ObjectPrefix>";
    let end = "</OutputFile></MediaResult></Operation></JobsDetail></Response>";
    let names = "<ObjectName>/</ObjectName>";
    fill(&format!("{begin}{prefix}</ObjectPrefix>"), names, end)
}

fn json_of(job: &str) -> Vec<u8> {
    format!("{{\"JobsDetail\": {{{job}}}}}").into_bytes()
}

fn jobs_of(jobs: &str) -> Vec<u8> {
    format!("{{\"JobsDetail\": [{jobs}]}}").into_bytes()
}
