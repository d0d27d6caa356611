//! The API key. It signs requests, and is never printed.

use std::env;

use anyhow::{bail, ensure};

/// The names of its parts, as in Tencent Cloud's own tools.
pub(super) const SECRET_ID: &str = "TENCENTCLOUD_SECRET_ID";
pub(super) const SECRET_KEY: &str = "TENCENTCLOUD_SECRET_KEY";
pub(super) const TOKEN: &str = "TENCENTCLOUD_TOKEN";

/// An API key of Tencent Cloud, with the token of a temporary one.
pub(crate) struct Key {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) token: Option<String>,
}

impl Key {
    /// Reads the key from the environment.
    ///
    /// # Errors
    /// If a part is missing or invalid.
    pub(crate) fn from_env() -> anyhow::Result<Self> {
        let get = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let (Some(id), Some(secret)) = (get(SECRET_ID), get(SECRET_KEY)) else {
            bail!("{SECRET_ID} and {SECRET_KEY} must be set");
        };
        let token = get(TOKEN);
        for (name, value) in [(SECRET_ID, Some(&id)), (TOKEN, token.as_ref())] {
            // They are the values of headers.
            let is_visible = value.is_none_or(|value| value.bytes().all(|b| b.is_ascii_graphic()));
            ensure!(is_visible, "{name} has characters other than visible ASCII");
        }
        Ok(Self { id, secret, token })
    }
}
