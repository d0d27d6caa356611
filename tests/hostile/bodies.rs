//! The table: each body's name, how it is made, and its answer.

use super::Answer;

/// The size of most of them: well over what the vendor sends, under what a function URL takes.
pub(crate) const SIZE: usize = 4 * 1024 * 1024;

/// How many jobs the body with many of them has.
const JOBS: usize = 60_000;

type Row = (&'static str, fn() -> Vec<u8>, Answer);

/// All hostile bodies.
pub(crate) fn table() -> Vec<Row> {
    [xml(), json(), dense()].into_iter().flatten().collect()
}

fn read(name: &'static str, make: fn() -> Vec<u8>) -> Row {
    (name, make, Answer::Read { jobs: 1 })
}

fn refused(name: &'static str, reason: &str, make: fn() -> Vec<u8>) -> Row {
    (name, make, Answer::Refused(reason.to_owned()))
}

fn xml() -> Vec<Row> {
    const FULL: &str = "line 1, column 800015: expected at most 200000 elements";
    const DTD: &str = "line 1, column 1: expected no document type declaration";
    vec![
        refused(
            "XML, elements in elements",
            "line 1, column 317: nested deeper than 100 levels",
            || filled("<Response><JobsDetail>", "<a>", ""),
        ),
        read("XML, one element of many attributes", || {
            let attributes = numbered(|n| format!(" a{n:x}=\"\""));
            xml_of(&format!("<a{attributes}/><JobId>j</JobId>"))
        }),
        read("XML, elements with an attribute each", || {
            // Below the limit of elements.
            xml_of(&"<a b=\"123456\">1</a>".repeat(199_000))
        }),
        refused(
            "XML, an attribute twice, after many",
            "line 1, column 23: expected each attribute once",
            || {
                let attributes = numbered(|n| format!(" a{n:x}=\"\""));
                xml_of(&format!("<a{attributes} a1=\"\"/>"))
            },
        ),
        refused("XML, tiny elements", FULL, || {
            filled("<Response><JobsDetail>", "<a/>", "</JobsDetail></Response>")
        }),
        refused(
            "XML, one name",
            "line 1, column 2399999: expected at most 200000 elements",
            || {
                filled(
                    "<Response><JobsDetail>",
                    "<Tag>A</Tag>",
                    "</JobsDetail></Response>",
                )
            },
        ),
        read("XML, one name as often as it may be", || {
            xml_of(&"<State>Success</State>".repeat(199_998))
        }),
        read("XML, names in the wrong order", || {
            let names: String = (0..199_000)
                .rev()
                .map(|n| format!("<a{n:06}>1</a{n:06}>"))
                .collect();
            xml_of(&names)
        }),
        read("XML, one long name", || {
            let name = "a".repeat(SIZE / 2);
            xml_of(&format!("<{name}>1</{name}>"))
        }),
        read("XML, one long number", || {
            filled(
                "<Response><JobsDetail><Size>",
                "7",
                "</Size></JobsDetail></Response>",
            )
        }),
        read("XML, one long text", || {
            filled(
                "<Response><JobsDetail><JobId>",
                "媒",
                "</JobId></JobsDetail></Response>",
            )
        }),
        read("XML, references", || {
            filled(
                "<Response><JobsDetail><JobId>",
                "&lt;",
                "</JobId></JobsDetail></Response>",
            )
        }),
        read("XML, CDATA sections", || {
            filled(
                "<Response><JobsDetail><JobId>",
                "<![CDATA[a]]>",
                "</JobId></JobsDetail></Response>",
            )
        }),
        read("XML, pieces of text between elements", || {
            xml_of(&"a text of its own<b/>".repeat(199_000))
        }),
        read("XML, a template's prefix for every name", || {
            outputs_of(&("a".repeat(SIZE / 2) + "${"))
        }),
        read("XML, a prefix of slashes for every name", || {
            outputs_of(&"/".repeat(SIZE / 2))
        }),
        read("XML, comments and instructions", || {
            filled(
                "<Response><JobsDetail><JobId>j",
                "<!----><?a?>",
                "</JobId></JobsDetail></Response>",
            )
        }),
        read("XML, line ends to fold", || {
            filled(
                "<Response><JobsDetail><JobId>j",
                "\r\n",
                "</JobId></JobsDetail></Response>",
            )
        }),
        read("XML, headers of one name", || {
            xml_of(&"<CosHeaders><Key>a</Key><Value>b</Value></CosHeaders>".repeat(66_000))
        }),
        read("XML, a warning for every task", || {
            let task = "<Tasks><EndTime>soon</EndTime></Tasks>";
            let tasks = task.repeat(99_000);
            format!("<Response><WorkflowExecution>{tasks}</WorkflowExecution></Response>")
                .into_bytes()
        }),
        refused(
            "XML, a tag that does not end",
            "line 1, column 1: expected \">\", but found the end of the body",
            || filled("<Response", " ", ""),
        ),
        refused(
            "XML, a mistake after many lines",
            "line 2097149, column 9: expected an element, but found the end",
            || filled("", "\n ", "<!---->"),
        ),
        refused("XML, an entity bomb", DTD, || {
            let mut dtd = "<!DOCTYPE Response [<!ENTITY a0 \"ha\">".to_owned();
            for n in 1..10 {
                let references = format!("&a{};", n - 1).repeat(10);
                dtd += &format!("<!ENTITY a{n} \"{references}\">");
            }
            filled(
                &(dtd + "]><Response><JobsDetail><JobId>"),
                "&a9;",
                "</JobId></JobsDetail></Response>",
            )
        }),
        (
            "XML, many jobs",
            || {
                let jobs = (0..JOBS).map(|n| {
                    format!("<JobsDetail><JobId>j{n}</JobId><State>Success</State></JobsDetail>")
                });
                format!("<Response>{}</Response>", jobs.collect::<String>()).into_bytes()
            },
            Answer::Read { jobs: JOBS },
        ),
    ]
}

fn json() -> Vec<Row> {
    const DEEP: &str = "nested deeper than 100 levels";
    vec![
        refused(
            "JSON, arrays in arrays",
            &format!("line 1, column 119: {DEEP}"),
            || filled("{\"JobsDetail\": {\"a\":", "[", ""),
        ),
        refused(
            "JSON, objects in objects",
            &format!("line 1, column 511: {DEEP}"),
            || filled("{\"JobsDetail\": {\"a\":", "{\"a\":", ""),
        ),
        refused(
            "JSON, tiny values",
            "line 1, column 400017: expected at most 200000 values",
            || filled("{\"JobsDetail\": {\"a\": [", "1,", "1]}}"),
        ),
        refused(
            "JSON, one name",
            "line 1, column 3599989: expected at most 200000 values",
            || {
                filled(
                    "{\"JobsDetail\": {",
                    "\"State\":\"Success\",",
                    "\"JobId\":\"j\"}}",
                )
            },
        ),
        read("JSON, names in the wrong order", || {
            let names: String = (0..199_000)
                .rev()
                .map(|n| format!("\"a{n:06}\": 1234567,"))
                .collect();
            json_of(&names)
        }),
        read("JSON, one long name", || {
            filled("{\"JobsDetail\": {\"", "a", "\": 1}}")
        }),
        read("JSON, one long number", || {
            filled("{\"JobsDetail\": {\"Size\": ", "7", "}}")
        }),
        read("JSON, one long exponent", || {
            filled("{\"JobsDetail\": {\"Size\": 1e", "7", "}}")
        }),
        read("JSON, one long text", || {
            filled("{\"JobsDetail\": {\"JobId\": \"", "媒", "\"}}")
        }),
        read("JSON, escapes", || {
            filled("{\"JobsDetail\": {\"JobId\": \"", "\\u0000", "\"}}")
        }),
        refused(
            "JSON, backslashes",
            "line 1, column 26: expected a quote at the end of this string",
            || filled("{\"JobsDetail\": {\"JobId\": \"", "\\\\", ""),
        ),
        read("JSON, trailing commas", || {
            json_of(&format!(
                "\"a\": [{}],",
                "[\"12345678901234567890123456789012345\",],".repeat(99_000)
            ))
        }),
        refused(
            "JSON, a mistake after many lines",
            "line 4194302, column 2: expected the end of the body",
            || filled("{", "\n", "}}"),
        ),
        read("JSON, headers of one name", || {
            let pairs = "{\"Key\": \"a\", \"Value\": \"b\"},".repeat(66_000);
            json_of(&format!("\"CosHeaders\": [{pairs}]"))
        }),
        (
            "JSON, many jobs",
            || {
                let jobs =
                    (0..JOBS).map(|n| format!("{{\"JobId\": \"j{n}\", \"State\": \"Success\"}},"));
                format!("{{\"JobsDetail\": [{}]}}", jobs.collect::<String>()).into_bytes()
            },
            Answer::Read { jobs: JOBS },
        ),
        refused(
            "white space",
            "line 1, column 1: expected XML or a JSON object",
            || filled("", " ", ""),
        ),
    ]
}

/// Smaller bodies with the maximum number of values, each as small as possible: the limit on the number of
/// values bounds them, not their size.
fn dense() -> Vec<Row> {
    const SMALL_JOBS: usize = 99_990;
    vec![
        read("dense, items", || {
            json_of(&format!("\"a\":[{}]", "1,".repeat(199_990)))
        }),
        read("dense, arrays in arrays", || {
            let deep = "[".repeat(96) + "1" + &"]".repeat(96) + ",";
            json_of(&format!("\"a\":[{}]", deep.repeat(1950)))
        }),
        read("dense, objects in objects", || {
            let deep = "{\"\":".repeat(96) + "1" + &"}".repeat(96) + ",";
            json_of(&format!("\"a\":[{}]", deep.repeat(1950)))
        }),
        read("dense, a long name in every warning", || {
            let name = "n".repeat(100_000);
            let scenes = vec![r#"{"HitFlag":"x","Score":"z"}"#; 1500].join(",");
            json_of(&format!(
                "\"Labels\":{{\"{name}Info\":[{scenes}]}},\"Result\":1"
            ))
        }),
        read("dense, headers", || {
            let headers = (0..199_900).map(|n| format!("\"{n:x}\":1,"));
            json_of(&format!(
                "\"CosHeaders\":{{{}}}",
                headers.collect::<String>()
            ))
        }),
        read("dense, outputs", || {
            let file = format!("{{\"ObjectName\":[{}]}}", "\"a\",".repeat(199_900));
            json_of(&format!(
                "\"Operation\":{{\"MediaResult\":{{\"OutputFile\":{file}}}}}"
            ))
        }),
        read("dense, failed tasks", || {
            let tasks = "{\"Code\":1},".repeat(99_990);
            let run = format!("{{\"State\":\"Failed\",\"Tasks\":[{tasks}]}}");
            format!("{{\"WorkflowExecution\":{run}}}").into_bytes()
        }),
        (
            "dense, jobs",
            || {
                let jobs = "{\"a\":1},".repeat(SMALL_JOBS);
                format!("{{\"JobsDetail\":[{jobs}]}}").into_bytes()
            },
            Answer::Read { jobs: SMALL_JOBS },
        ),
        read("dense, raised scenes", || {
            let scenes = (0..99_000).map(|n| format!("\"{n:x}Info\":{{\"HitFlag\":1}},"));
            json_of(&format!("{}\"Result\":1", scenes.collect::<String>()))
        }),
        (
            "dense, different jobs with one id",
            || {
                let jobs = (0..49_990).map(|n| format!("{{\"JobId\":1,\"a\":{n}}},"));
                let jobs: String = jobs.collect();
                format!("{{\"JobsDetail\":[{jobs}]}}").into_bytes()
            },
            Answer::Read { jobs: 49_990 },
        ),
        refused("dense, siblings of jobs", COPIES, || {
            let siblings: String = (0..100_000).map(|n| format!("\"{n:x}\":1,")).collect();
            let jobs = "{\"a\":1},".repeat(20_000);
            format!("{{{siblings}\"JobsDetail\":[{jobs}]}}").into_bytes()
        }),
    ]
}

const COPIES: &str = "the fields next to 20000 jobs would be copied into each of them: 22601920000 bytes, \
    more than 67108864";

/// `piece` as often as it has room between `begin` and `end`.
fn filled(begin: &str, piece: &str, end: &str) -> Vec<u8> {
    let count = (SIZE - begin.len() - end.len()) / piece.len();
    [begin, &piece.repeat(count), end].concat().into_bytes()
}

/// Pieces that differ, as many as have room.
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

/// A job whose outputs have this prefix, and as many short names as have room.
fn outputs_of(prefix: &str) -> Vec<u8> {
    let begin = "<Response><JobsDetail><Operation><MediaResult><OutputFile><ObjectPrefix>";
    let end = "</OutputFile></MediaResult></Operation></JobsDetail></Response>";
    let names = "<ObjectName>/</ObjectName>";
    filled(&format!("{begin}{prefix}</ObjectPrefix>"), names, end)
}

fn json_of(job: &str) -> Vec<u8> {
    format!("{{\"JobsDetail\": {{{job}}}}}").into_bytes()
}
