//! `callbackctl token`: a new token for the URL, and its digest for the function.

use std::io::{self, Write};

use cloud_infinite_callback::auth;

use crate::{Failure, random};

/// How many bytes a token is made of: 256 bits.
const TOKEN_BYTES: usize = 32;

/// Prints a new token and its digest.
pub(crate) fn token() -> Result<(), Failure> {
    let token = random::hex::<TOKEN_BYTES>()?;
    let digest = hex::encode(auth::digest(token.as_bytes()));
    let mut out = io::stdout().lock();
    writeln!(out, "token (for the URL, keep it secret):  {token}")?;
    writeln!(out, "CALLBACK_TOKEN_SHA256 (for the function):  {digest}")?;
    Ok(())
}
