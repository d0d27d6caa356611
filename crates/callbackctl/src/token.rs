//! `callbackctl token`: what only the vendor holds, and what the function holds of it.

use std::io::{self, Write};

use cloud_infinite_callback::auth;

use crate::Failure;

/// How many bytes a token is made of: 256 bits.
const TOKEN_BYTES: usize = 32;

/// Prints a new token and its digest.
pub(crate) fn token() -> Result<(), Failure> {
    let mut bits = [0; TOKEN_BYTES];
    getrandom::fill(&mut bits).map_err(|error| Failure(error.to_string()))?;
    let token = hex::encode(bits);
    let digest = hex::encode(auth::digest(token.as_bytes()));
    let mut out = io::stdout().lock();
    writeln!(out, "token (for the URL, keep it secret):  {token}")?;
    writeln!(out, "CALLBACK_TOKEN_SHA256 (for the function):  {digest}")?;
    Ok(())
}
