//! Writes results to standard output, and warnings and progress to standard error.

use std::{
    fmt::Display,
    io::{self, IsTerminal, Write},
};

use serde_json::{Value, json};

/// Writes a line of results.
pub(crate) fn say(line: impl Display) -> io::Result<()> {
    show_progress("");
    writeln!(io::stdout(), "{line}")
}

/// Writes a warning or an error.
pub(crate) fn warn(line: impl Display) {
    show_progress("");
    // If standard error is closed, the warning is lost.
    let _ = writeln!(io::stderr(), "callbackctl: {line}");
}

/// Shows the progress on a line that the next call overwrites, if standard error is a terminal.
pub(crate) fn show_progress(text: &str) {
    let mut terminal = io::stderr();
    if terminal.is_terminal() {
        let _ = write!(terminal, "\r\x1b[K{text}\r");
    }
}

/// Prints the result of each job or body on one line, and counts the results.
pub(crate) struct ResultPrinter {
    is_json: bool,
    counts: Vec<(&'static str, usize)>,
}

impl ResultPrinter {
    /// Creates a printer whose summary contains these counts, in this order.
    pub(crate) fn new(is_json: bool, counts: &[&'static str]) -> Self {
        Self {
            is_json,
            counts: counts.iter().map(|name| (*name, 0)).collect(),
        }
    }

    /// Adds to a count.
    pub(crate) fn add(&mut self, name: &'static str, number: usize) {
        match self.counts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += number,
            None => self.counts.push((name, number)),
        }
    }

    /// Returns a count.
    pub(crate) fn count(&self, name: &str) -> usize {
        let found = self.counts.iter().find(|(known, _)| *known == name);
        found.map_or(0, |(_, count)| *count)
    }

    /// Counts and prints a result.
    pub(crate) fn line(&mut self, id: &str, result: &'static str) -> io::Result<()> {
        self.print(id, result, None)
    }

    /// Counts and prints a skipped job or body, with the reason.
    pub(crate) fn skipped(&mut self, id: &str, reason: &str) -> io::Result<()> {
        self.print(id, "skipped", Some(reason))
    }

    fn print(&mut self, id: &str, result: &'static str, reason: Option<&str>) -> io::Result<()> {
        self.add(result, 1);
        if self.is_json {
            let mut line = json!({ "id": id, "result": result });
            if let Some(reason) = reason {
                line["reason"] = reason.into();
            }
            return say(line);
        }
        let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
        say(format!("{}  {result}{reason}", id.escape_debug()))
    }

    /// Prints the counts.
    pub(crate) fn summary(&self) -> io::Result<()> {
        let counts = self.counts.iter();
        if self.is_json {
            let members = counts.map(|(name, count)| ((*name).to_owned(), (*count).into()));
            return say(Value::Object(members.collect()));
        }
        let counts: Vec<_> = counts
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        say(counts.join(", "))
    }
}
