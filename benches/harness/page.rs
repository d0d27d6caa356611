//! The page that figures go to.

use std::{fs, path::Path};

const PAGE: &str = "docs/performance.md";

/// Writes it between the page's marks of this name.
pub(crate) fn write(name: &str, text: &str) {
    let path = in_repository(PAGE);
    let page = fs::read_to_string(&path).expect("the page is there");
    let [begin, end] = ["begin", "end"].map(|mark| format!("<!-- {name}:{mark} -->"));
    let (before, rest) = page.split_once(&begin).expect("the page has both marks");
    let (_, after) = rest.split_once(&end).expect("the page has both marks");
    let page = format!("{before}{begin}\n\n{}\n\n{end}{after}", text.trim());
    fs::write(path, page).expect("the page can be written");
}

pub(crate) fn in_repository(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    path.to_str()
        .expect("the repository's path is text")
        .to_owned()
}
