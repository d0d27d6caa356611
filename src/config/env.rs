//! Reads and checks single environment variables.

use std::fmt;

use lambda_http::http::Uri;
use tracing::level_filters::LevelFilter;

use crate::auth::{self, Authentication};

/// A missing or invalid variable.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Its name.
    pub variable: &'static str,
    /// What was expected. It does not quote the value, which may be a secret.
    pub(crate) expected: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}", self.variable, self.expected)
    }
}

/// The environment, with the errors found in it so far.
pub(super) struct Env<'g> {
    get: &'g dyn Fn(&str) -> Option<String>,
    errors: Vec<ConfigError>,
}

impl<'g> Env<'g> {
    /// Creates an environment that reads its variables through `get`.
    pub(super) fn new(get: &'g dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            get,
            errors: Vec::new(),
        }
    }

    /// Returns the errors so far.
    pub(super) fn errors(&self) -> &[ConfigError] {
        &self.errors
    }

    /// Returns all errors.
    pub(super) fn into_errors(self) -> Vec<ConfigError> {
        self.errors
    }

    /// Returns a variable exactly as it is set.
    pub(super) fn verbatim(&self, variable: &str) -> Option<String> {
        (self.get)(variable)
    }

    /// Returns a variable without white space around it, unless it is empty.
    pub(super) fn get(&self, variable: &str) -> Option<String> {
        self.verbatim(variable)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    /// Reports an invalid variable.
    pub(super) fn invalid(&mut self, variable: &'static str, expected: &str) {
        self.errors.push(ConfigError {
            variable,
            expected: expected.to_owned(),
        });
    }

    /// Reports a missing variable, unless it was reported as invalid.
    pub(super) fn missing(&mut self, variable: &'static str) -> String {
        if !self.errors.iter().any(|error| error.variable == variable) {
            self.invalid(variable, "a value, but it is not set");
        }
        String::new()
    }

    fn required(&mut self, variable: &'static str) -> String {
        self.get(variable).unwrap_or_else(|| self.missing(variable))
    }

    /// Returns the region.
    pub(super) fn region(&mut self) -> String {
        let region = self.required("AWS_REGION");
        // It becomes a part of host names.
        let is_label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if !region.bytes().all(is_label) {
            self.invalid("AWS_REGION", "a region such as eu-central-1");
        }
        region
    }

    /// Returns a credential. It becomes a part of a header, so it must be visible ASCII.
    pub(super) fn credential(&mut self, variable: &'static str) -> String {
        let value = self.required(variable);
        if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.invalid(variable, "visible ASCII characters");
        }
        value
    }

    /// Returns a URL.
    pub(super) fn url(&mut self, variable: &'static str) -> Option<String> {
        let url = self.get(variable)?;
        let is_valid = url.parse::<Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
        });
        if !is_valid {
            self.invalid(variable, "a URL with http or https and a host");
            return None;
        }
        Some(url)
    }

    /// Returns the name of a bucket.
    pub(super) fn bucket(&mut self, variable: &'static str) -> Option<String> {
        let bucket = self.get(variable)?;
        let is_legal_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let is_name = (3..=63).contains(&bucket.len())
            && is_legal_end(bucket.as_bytes().first())
            && is_legal_end(bucket.as_bytes().last())
            && bucket
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
        if !is_name {
            self.invalid(variable, "the name of an S3 bucket");
        }
        Some(bucket)
    }

    /// Returns a whole number.
    pub(super) fn number(
        &mut self,
        variable: &'static str,
        min: usize,
        max: usize,
    ) -> Option<usize> {
        let text = self.get(variable)?;
        let number = text
            .parse()
            .ok()
            .filter(|number| (min..=max).contains(number));
        if number.is_none() {
            self.invalid(variable, &format!("a whole number from {min} to {max}"));
        }
        number
    }

    /// Returns the level of the log.
    pub(super) fn log_level(&mut self) -> LevelFilter {
        match self
            .get("AWS_LAMBDA_LOG_LEVEL")
            .map(|level| level.to_uppercase())
            .as_deref()
        {
            None | Some("INFO") => LevelFilter::INFO,
            Some("TRACE") => LevelFilter::TRACE,
            Some("DEBUG") => LevelFilter::DEBUG,
            Some("WARN") => LevelFilter::WARN,
            // FATAL is Lambda's level above ERROR. tracing does not have it.
            Some("ERROR" | "FATAL") => LevelFilter::ERROR,
            Some(_) => {
                let expected = "TRACE, DEBUG, INFO, WARN, ERROR or FATAL";
                self.invalid("AWS_LAMBDA_LOG_LEVEL", expected);
                LevelFilter::INFO
            }
        }
    }

    /// Returns whether log lines are JSON.
    pub(super) fn logs_json(&mut self) -> bool {
        match self.get("AWS_LAMBDA_LOG_FORMAT").as_deref() {
            None | Some("JSON") => true,
            Some("Text") => false,
            Some(_) => {
                self.invalid("AWS_LAMBDA_LOG_FORMAT", "JSON or Text");
                true
            }
        }
    }

    /// Returns which requests are accepted, or `None` after it reported an error.
    pub(super) fn authentication(&mut self) -> Option<Authentication> {
        match self.get("CALLBACK_AUTH").as_deref() {
            None | Some("token") => {}
            Some("none") => return Some(Authentication::Disabled),
            Some(_) => self.invalid("CALLBACK_AUTH", "token or none"),
        }
        let Some(list) = self.get("CALLBACK_TOKEN_SHA256") else {
            let expected = "SHA-256 digests of accepted tokens, unless CALLBACK_AUTH is none";
            self.invalid("CALLBACK_TOKEN_SHA256", expected);
            return None;
        };
        let digests: Option<Vec<_>> = list.split(',').map(auth::digest_from_hex).collect();
        if digests.is_none() {
            let expected = "64 hexadecimal digits for each digest, separated by commas";
            self.invalid("CALLBACK_TOKEN_SHA256", expected);
        }
        digests.map(Authentication::Tokens)
    }
}
