//! What a run found, in Markdown.

use std::fmt::{Result, Write};

use crate::{check::Checked, harness::figures::rounded, step::Step};

/// How many problems are shown.
const SHOWN: usize = 20;

/// A row a rate.
pub(crate) fn table(steps: &[(Step, Checked)], f: &mut impl Write) -> Result {
    f.write_str(
        "| callbacks a second | answered a second | p50 | p99 | answers | messages | \
         of them through the vault | bodies kept whole | calls to the queue that failed | repeats |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    )?;
    for (step, checked) in steps {
        let statuses = checked.statuses.iter();
        let statuses: Vec<_> = statuses
            .map(|(status, count)| format!("{count} × {status}"))
            .collect();
        let behind = if step.keeps_up() {
            ""
        } else {
            ", falls behind"
        };
        writeln!(
            f,
            "| {} | {:.0}{behind} | {} ms | {} ms | {} | {} | {} | {} | {} | {} |",
            step.rate,
            step.throughput(),
            rounded(step.percentile(0.5)),
            rounded(step.percentile(0.99)),
            statuses.join(", "),
            checked.messages,
            checked.oversize,
            checked.kept,
            checked.faults,
            checked.repeats,
        )?;
    }
    f.write_char('\n')
}

/// What was wrong, or that nothing was.
pub(crate) fn verdict(steps: &[(Step, Checked)]) -> std::result::Result<String, String> {
    let all = steps.iter().map(|(_, checked)| checked);
    let problems = all.clone().flat_map(|checked| &checked.problems);
    let count = problems.clone().count();
    if count > 0 {
        let shown: Vec<_> = problems.take(SHOWN).map(String::as_str).collect();
        return Err(format!("{count} problems:\n{}\n", shown.join("\n")));
    }
    let callbacks: usize = steps.iter().map(|(step, _)| step.answers.len()).sum();
    let messages: usize = all.clone().map(|checked| checked.messages).sum();
    let spilled = all.filter_map(|checked| checked.statuses.get(&503));
    let arrived = match spilled.sum::<usize>() {
        0 => format!("all {messages} messages arrived"),
        spilled => format!(
            "{messages} messages arrived, and {spilled} bodies that were answered 503 are whole in the vault"
        ),
    };
    Ok(format!(
        "Of {callbacks} callbacks, the warm-up's among them, {arrived}: none was lost, none changed, and none came twice but \
         after a failed call.\n"
    ))
}
