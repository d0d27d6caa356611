//! Reads the message on its standard input with the CloudEvents SDK, and prints what that found.

use cloudevents::Event;

fn main() -> Result<(), serde_json::Error> {
    // It fails for an attribute that is missing or not as the specification has it.
    let event: Event = serde_json::from_reader(std::io::stdin())?;
    println!("{}", serde_json::to_string(&event)?);
    Ok(())
}
