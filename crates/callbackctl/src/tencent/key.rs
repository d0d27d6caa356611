//! The API key. It signs requests, and is never printed.

use std::env;

use anyhow::{bail, ensure};

/// The environment variables of the key, as in Tencent Cloud's tools.
pub(super) const SECRET_ID: &str = "TENCENTCLOUD_SECRET_ID";
pub(super) const SECRET_KEY: &str = "TENCENTCLOUD_SECRET_KEY";
pub(super) const TOKEN: &str = "TENCENTCLOUD_TOKEN";

/// A Tencent Cloud API key. A temporary key has a session token.
pub(crate) struct Key {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) token: Option<String>,
}

impl Key {
    /// Reads the key from the environment.
    ///
    /// # Errors
    /// Returns an error if a variable is missing or invalid.
    pub(crate) fn from_env() -> anyhow::Result<Self> {
        let get = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let (Some(id), Some(secret)) = (get(SECRET_ID), get(SECRET_KEY)) else {
            bail!("{SECRET_ID} and {SECRET_KEY} must be set");
        };
        let token = get(TOKEN);
        for (name, value) in [(SECRET_ID, Some(&id)), (TOKEN, token.as_ref())] {
            // Both are sent in headers.
            let is_visible = value.is_none_or(|value| value.bytes().all(|b| b.is_ascii_graphic()));
            ensure!(
                is_visible,
                "{name} contains a character that is not visible ASCII"
            );
        }
        Ok(Self { id, secret, token })
    }
}
