//! The pages of a list, one after the other.

use std::collections::HashSet;

use super::{
    lists::List,
    window::{Window, vendor_time},
};
use crate::{
    ci_api::{ApiError, CiApi},
    xml_answer::{Element, child, child_text},
};

/// The elements that a list may have next to its entries.
const OTHER_ELEMENTS: [&str; 3] = ["NextToken", "RequestId", "NonExistJobIds"];

/// How many jobs the vendor puts on a page at most.
const PAGE_SIZE: &str = "100";

/// The states of jobs that have ended. The answer is checked as well: the vendor may ignore the filter.
const OVER: &str = "Success,Failed,Cancel";

/// Reads the pages of a list, one after the other.
pub(super) struct Pages<'l> {
    list: &'l List,
    times: [String; 2],
    token: Option<String>,
    tokens: HashSet<String>,
    ids: HashSet<String>,
    /// When the last job of the last page was created, as the vendor wrote it.
    last_created: Option<String>,
    state: State,
    /// Whether the last page has no jobs, but a token.
    pub(super) has_left_token: bool,
}

enum State {
    Going,
    /// The page that was read last ends the list, or its token for the next page is invalid.
    Over(Option<ApiError>),
}

impl<'l> Pages<'l> {
    pub(super) fn new(list: &'l List, window: &Window) -> Self {
        Self {
            list,
            times: [window.created_from, window.created_until].map(vendor_time),
            token: None,
            tokens: HashSet::new(),
            ids: HashSet::new(),
            last_created: None,
            state: State::Going,
            has_left_token: false,
        }
    }

    /// Describes how far the list has been read.
    pub(super) fn place(&self) -> String {
        match &self.last_created {
            None => "at its first page".to_owned(),
            Some(time) => format!("after {} jobs, the last created at {time}", self.ids.len()),
        }
    }

    /// Returns whether a page has been read.
    pub(super) fn has_begun(&self) -> bool {
        !self.tokens.is_empty() || matches!(self.state, State::Over(_))
    }

    /// Returns the entries of the next page, each as XML, or `None` after the last one.
    ///
    /// # Errors
    /// If the next page is missing or cannot be read. The vendor does not document how a list ends: a page
    /// without a token or without jobs is taken as its end.
    pub(super) async fn next(&mut self, api: &mut CiApi) -> Result<Option<Vec<String>>, ApiError> {
        if let State::Over(error) = &mut self.state {
            return error.take().map_or(Ok(None), Err);
        }
        let [from, until] = &self.times;
        let mut parameters: Vec<_> = self
            .list
            .filter
            .iter()
            .map(|(name, value)| (*name, &**value))
            .collect();
        parameters.extend([
            ("states", OVER),
            // In descending order, new jobs would shift the pages while they are read.
            ("orderByTime", "Asc"),
            ("size", PAGE_SIZE),
            ("startCreationTime", from),
            ("endCreationTime", until),
        ]);
        parameters.extend(self.token.as_deref().map(|token| ("nextToken", token)));
        let answer = api.get(self.list.kind.path(), &parameters).await?;
        let elements = answer.elements()?;
        let [name, id, created] = self.list.kind.names();
        let mut entries = Vec::new();
        let mut has_new = false;
        for entry in elements.iter().filter(|element| element.name == name) {
            let fields = entry.children();
            // An entry without an id is not new, or it could repeat for ever. It is reported when it is read.
            has_new |= child_text(&fields, id).is_some_and(|id| self.ids.insert(id));
            let created = child_text(&fields, created).filter(|time| is_time(time));
            self.last_created = created.or(self.last_created.take());
            entries.push(entry.xml.to_owned());
        }
        // An answer with other elements and no entries is an error in another form, not an empty list.
        let is_known = |element: &&Element<'_>| OTHER_ELEMENTS.contains(&element.name);
        if entries.is_empty() && !elements.iter().all(|element| is_known(&element)) {
            return Err(answer.unusable("expected a list"));
        }
        if child(&elements, "Error").is_some() {
            let error = answer.unusable("expected a list, but found an error");
            self.state = State::Over(Some(error));
            return Ok(Some(entries));
        }
        let token = child(&elements, "NextToken");
        self.token = token.and_then(|token| token.text());
        if self.token.is_none() && token.is_some_and(|token| !token.is_empty()) {
            let error = answer.unusable("expected a token that can be read");
            self.state = State::Over(Some(error));
            return Ok(Some(entries));
        }
        if entries.is_empty() {
            self.has_left_token = self.token.take().is_some();
        }
        if let Some(token) = &self.token {
            if !self.tokens.insert(token.clone()) || !has_new {
                let error = answer.unusable("expected the next page, but found one that repeats");
                self.state = State::Over(Some(error));
            }
        } else {
            self.state = State::Over(None);
        }
        Ok(Some(entries))
    }
}

/// Returns whether a text of the vendor's may be printed as a time.
fn is_time(text: &str) -> bool {
    text.len() <= 32
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"-:+TZ. ".contains(&byte))
}
