//! Generates the JSON Schemas of messages and of job records, and `docs/record.md`, from the types in
//! `crates/job-record`, for `make schema`.

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
fn files() -> [(PathBuf, String); 3] {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let message = schema::message();
    let page = page::page(message.as_value());
    let json = |schema| {
        let schema = schema::published(schema).to_value();
        assert!(jsonschema::meta::is_valid(&schema), "{schema:#}");
        format!("{schema:#}\n")
    };
    [
        (root.join("docs/record.md"), page),
        (root.join("schema/message.v1.schema.json"), json(message)),
        (
            root.join("schema/job-record.v1.schema.json"),
            json(schema::record()),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committed_files_are_those_of_the_types() {
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
