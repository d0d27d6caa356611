//! Reads a message from standard input with the CloudEvents SDK and prints the parsed event.

use cloudevents::Event;

fn main() -> Result<(), serde_json::Error> {
    // An error if an attribute is missing or does not follow the specification.
    let event: Event = serde_json::from_reader(std::io::stdin())?;
    println!("{}", serde_json::to_string(&event)?);
    Ok(())
}
