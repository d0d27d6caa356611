//! The vendor's key, from the environment. It is used for signatures, and never printed.

use std::env;

use crate::cos_signature;

/// The names of its parts, as the vendor's own tools have them.
pub(super) const SECRET_ID: &str = "TENCENTCLOUD_SECRET_ID";
pub(super) const SECRET_KEY: &str = "TENCENTCLOUD_SECRET_KEY";
pub(super) const TOKEN: &str = "TENCENTCLOUD_TOKEN";

/// A key, and the token of a temporary one.
pub(super) struct Key {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) token: Option<String>,
}

impl Key {
    /// Reads the key from the environment, and adds what is missing or wrong to `problems`.
    pub(super) fn from_env(problems: &mut Vec<String>) -> Self {
        let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let mut required = |name: &str| {
            variable(name).unwrap_or_else(|| {
                problems.push(format!("{name} is not set"));
                String::new()
            })
        };
        let key = Self {
            id: required(SECRET_ID),
            secret: required(SECRET_KEY),
            token: variable(TOKEN),
        };
        // Both become the value of a header.
        for (name, value) in [(SECRET_ID, Some(&key.id)), (TOKEN, key.token.as_ref())] {
            if !value.is_none_or(|value| value.bytes().all(|byte| byte.is_ascii_graphic())) {
                problems.push(format!("{name}: expected printable ASCII characters"));
            }
        }
        key
    }

    /// Returns whether a text contains a secret of the key. Its id does not count: jobs have URLs that
    /// are signed with the key, and such URLs contain the id.
    pub(super) fn is_revealed_by(&self, text: &str) -> bool {
        let encoded = self.token.as_deref().map(cos_signature::encode);
        let mut parts = [Some(&self.secret), self.token.as_ref(), encoded.as_ref()]
            .into_iter()
            .flatten();
        parts.any(|part| text.contains(&**part))
    }

    /// Returns whether a text may be printed: it contains no part of the key, and no signature.
    pub(super) fn is_printable(&self, text: &str) -> bool {
        !text.contains(&self.id) && !text.contains("q-signature") && !self.is_revealed_by(text)
    }
}
