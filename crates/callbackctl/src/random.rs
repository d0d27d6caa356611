//! Random bits from the system, as names and tokens.

use jiff::Timestamp;

/// Returns as many random bytes as hexadecimal digits.
///
/// # Errors
/// If the system has none.
pub(crate) fn hex<const BYTES: usize>() -> anyhow::Result<String> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}

/// Returns a name that no other run of the program has: its time and a random number.
///
/// # Errors
/// If the system has no random bits.
pub(crate) fn run_name() -> anyhow::Result<String> {
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    Ok(format!("{time}-{}", hex::<8>()?))
}
