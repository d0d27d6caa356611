//! Generates the JSON Schema of messages and `docs/record.md` from the types in `crates/job-record`, for
//! `make schema`.

mod page;
mod schema;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    for (file, text) in files() {
        fs::write(file, text)?;
    }
    Ok(())
}

/// Returns the generated files with their contents.
fn files() -> [(PathBuf, String); 2] {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let definitions = schema::definitions();
    [
        (root.join("docs/record.md"), page::page(&definitions)),
        (
            root.join("schema/job-record.v1.schema.json"),
            format!("{:#}\n", schema::schema(definitions)),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_and_page_are_those_of_the_types() {
        for (file, text) in files() {
            let committed = fs::read_to_string(&file).unwrap();
            assert!(
                committed == text,
                "{} is stale: run `make schema`",
                file.display()
            );
        }
    }
}
