//! `callbackctl token`: generates a token for the callback URL, and its digest for the function.

use cloud_infinite_callback::auth;

use crate::{random, terminal::say};

/// The length of a token in bytes: 256 bits.
const TOKEN_BYTES: usize = 32;

/// Generates a token, and prints it with its digest.
pub(crate) fn run() -> anyhow::Result<()> {
    let token = random::hex::<TOKEN_BYTES>()?;
    let digest = hex::encode(auth::digest(token.as_bytes()));
    say(format!("token (for the URL, keep it secret):  {token}"))?;
    say(format!(
        "CALLBACK_TOKEN_SHA256 (for the function):  {digest}"
    ))?;
    Ok(())
}
