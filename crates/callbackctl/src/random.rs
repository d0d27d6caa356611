//! Generates random names and tokens.

use jiff::Timestamp;

/// Returns `BYTES` random bytes in hexadecimal.
///
/// # Errors
/// Returns an error if the operating system's random number generator fails.
pub(crate) fn hex<const BYTES: usize>() -> anyhow::Result<String> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}

/// Returns a unique name for a run: its start time and a random number.
///
/// # Errors
/// Returns an error if the operating system's random number generator fails.
pub(crate) fn run_name() -> anyhow::Result<String> {
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    Ok(format!("{time}-{}", hex::<8>()?))
}
