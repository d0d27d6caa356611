//! Writes results to standard output, and warnings and progress to standard error.

use std::io::{self, IsTerminal, Write};

/// Writes a line of results.
pub(crate) fn say(line: &str) -> io::Result<()> {
    let clear = if io::stdout().is_terminal() {
        "\x1b[K"
    } else {
        ""
    };
    writeln!(io::stdout(), "{clear}{line}")
}

/// Writes a line about an error, or a possible one.
pub(crate) fn warn(line: &str) {
    let clear = if io::stderr().is_terminal() {
        "\x1b[K"
    } else {
        ""
    };
    // There is no other place to report it.
    let _ = writeln!(io::stderr(), "{clear}callbackctl: {line}");
}

/// Shows what is being done on a line that the next one replaces, if standard error is a terminal.
pub(crate) fn show_progress(text: &str) {
    let mut terminal = io::stderr();
    if terminal.is_terminal() {
        let _ = write!(terminal, "\r\x1b[K{text}\r");
    }
}
