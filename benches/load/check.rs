//! What arrived, held against what was to arrive.

use std::collections::BTreeMap;

use crate::{
    line::{Answer, request_id},
    mix::{Mix, messages},
    services::{Memory, Services, digest},
};

/// What became of a step's callbacks.
#[derive(Default)]
pub(crate) struct Checked {
    /// How often each status was answered.
    pub(crate) statuses: BTreeMap<u64, usize>,
    /// Messages that arrived as they should.
    pub(crate) messages: usize,
    /// Bodies in the vault as they should be.
    pub(crate) kept: usize,
    /// Messages that came through the vault, for their size.
    pub(crate) oversize: usize,
    /// Calls to the queue that were answered 503.
    pub(crate) faults: usize,
    /// Messages that came once more because the queue had answered 503.
    pub(crate) repeats: usize,
    /// Whatever else there was.
    pub(crate) problems: Vec<String>,
}

impl Checked {
    /// Takes out of the services' memory what the callbacks of a step are to have put there. What stays
    /// is wrong.
    pub(crate) fn of(answers: &[Answer], mix: &Mix, services: &Services) -> Self {
        let mut memory = services.memory();
        let mut checked = Self {
            faults: std::mem::take(&mut memory.faults),
            ..Self::default()
        };
        for answer in answers {
            *checked.statuses.entry(answer.status).or_default() += 1;
            checked.callback(answer, &mix.body(answer.number), &mut memory);
        }
        let oversize = memory.objects.len();
        memory
            .objects
            .retain(|key, _| !key.starts_with("oversize/"));
        checked.oversize = oversize - memory.objects.len();
        let keys = memory.objects.drain().map(|(key, _)| key);
        let unexpected = keys.map(|key| format!("the vault has {key}, which nobody expects"));
        checked.problems.extend(unexpected);
        let count = memory.messages.len();
        if count > 0 {
            let unexpected = format!("the queue has {count} messages that nobody expects");
            checked.problems.push(unexpected);
        }
        memory.messages.clear();
        checked
    }

    fn callback(&mut self, answer: &Answer, body: &str, memory: &mut Memory) {
        let id = request_id(answer.number);
        let messages = messages(body);
        match (answer.status, messages) {
            (200, Some(messages)) => self.arrived(&id, &messages, true, memory),
            (200, None) => self.is_kept("quarantine", &id, body, memory),
            (503, messages) => {
                self.is_kept("spill", &id, body, memory);
                self.arrived(&id, &messages.unwrap_or_default(), false, memory);
            }
            (status, _) => self.problems.push(format!("{id}: answered {status}")),
        }
    }

    /// Each message once, and once more at most for each time that the queue took it and said 503.
    fn arrived(&mut self, id: &str, messages: &[String], must: bool, memory: &mut Memory) {
        let mut digests: Vec<_> = messages.iter().map(|it| digest(it.as_bytes())).collect();
        digests.sort();
        for equal in digests.chunk_by(|one, other| one == other) {
            let taken = memory.messages.remove(&equal[0]).unwrap_or_default();
            if taken.times < equal.len() && must {
                let found = taken.times;
                let missing = format!("{id}: a message is lost or changed, {found} times there");
                self.problems.push(missing);
            }
            let extra = taken.times.saturating_sub(equal.len());
            if extra > taken.unsaid {
                let twice = format!("{id}: a message came {} times", taken.times);
                self.problems.push(twice);
            }
            self.messages += taken.times.min(equal.len());
            self.repeats += extra;
        }
    }

    /// The vendor's body, byte for byte.
    fn is_kept(&mut self, folder: &str, id: &str, body: &str, memory: &mut Memory) {
        let object = memory.objects.remove(&format!("{folder}/{id}"));
        if object == Some(digest(body.as_bytes())) {
            self.kept += 1;
        } else {
            let wrong = format!("{id}: the vault has no such body in {folder}");
            self.problems.push(wrong);
        }
    }
}
