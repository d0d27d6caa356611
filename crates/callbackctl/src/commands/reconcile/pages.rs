//! Requests the pages of a list.

use super::{
    lists::List,
    window::{Window, vendor_time},
};
use crate::tencent::{
    client::Client,
    error::ApiError,
    jobs::ENDED_STATES,
    xml::{self, Element, child, child_text},
};

/// The elements of a list that are not entries.
const OTHER_ELEMENTS: [&str; 3] = ["NextToken", "RequestId", "NonExistJobIds"];

/// The maximum number of jobs on a page.
const PAGE_SIZE: &str = "100";

/// An entry of a list.
pub(super) struct ListedJob {
    pub(super) id: Option<String>,
    pub(super) state: Option<String>,
    pub(super) xml: String,
}

/// A page of a list.
pub(super) struct Page {
    pub(super) entries: Vec<ListedJob>,
    /// The token of the next page, or `None` on the last page. An error if the token is unreadable.
    pub(super) next: Result<Option<String>, ApiError>,
}

/// Requests a page of a list.
///
/// # Errors
/// Returns an error if the request fails, or the page is unreadable.
pub(super) async fn page(
    client: &mut Client,
    list: &List,
    window: &Window,
    token: Option<&str>,
) -> Result<Page, ApiError> {
    let [from, until] = [window.created_from, window.created_until].map(vendor_time);
    // Tencent may ignore `states`, so the state of each entry is checked as well.
    let states = ENDED_STATES.join(",");
    let filter = list.filter.iter().map(|(name, value)| (*name, &**value));
    let mut parameters: Vec<_> = filter.collect();
    parameters.extend([
        ("states", &*states),
        // In descending order, new jobs would shift the pages while they are read.
        ("orderByTime", "Asc"),
        ("size", PAGE_SIZE),
        ("startCreationTime", &from),
        ("endCreationTime", &until),
    ]);
    parameters.extend(token.map(|token| ("nextToken", token)));
    let response = client.get(list.kind.path(), &parameters).await?;
    let elements = xml::children(&response, "Response").map_err(ApiError::unusable)?;
    let [name, id] = list.kind.names();
    let entries = elements.iter().filter(|element| element.name == name);
    let entries: Vec<_> = entries
        .map(|entry| ListedJob {
            id: child_text(&entry.children(), id),
            state: child_text(&entry.children(), "State"),
            xml: entry.xml.to_owned(),
        })
        .collect();
    // A response with unknown elements and without entries is an error, not an empty list.
    let is_known = |element: &Element<'_>| OTHER_ELEMENTS.contains(&element.name);
    if entries.is_empty() && !elements.iter().all(is_known) {
        return Err(ApiError::unusable("the response is not a list"));
    }
    let next = match child(&elements, "NextToken") {
        _ if child(&elements, "Error").is_some() => Err(ApiError::unusable(
            "the page contains an error besides its jobs",
        )),
        Some(token) if token.text().is_none() && !token.content.trim().is_empty() => {
            Err(ApiError::unusable("unreadable NextToken"))
        }
        token => Ok(token.and_then(|token| token.text())),
    };
    Ok(Page { entries, next })
}
