//! Reads and checks single environment variables.

use std::{fmt, ops::RangeInclusive};

use lambda_http::http::Uri;

/// A missing or invalid variable.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Its name.
    pub variable: &'static str,
    /// What is wrong with it. It does not quote the value, which may be a secret.
    pub(crate) reason: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.variable, self.reason)
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

    /// Returns all errors.
    pub(super) fn into_errors(self) -> Vec<ConfigError> {
        self.errors
    }

    /// Returns a variable without whitespace around it, unless it is empty.
    pub(super) fn get(&self, variable: &str) -> Option<String> {
        (self.get)(variable)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    /// Reports an invalid variable.
    pub(super) fn report_invalid(&mut self, variable: &'static str, reason: &str) {
        self.errors.push(ConfigError {
            variable,
            reason: reason.to_owned(),
        });
    }

    /// Reports a missing variable, unless it was reported as invalid.
    pub(super) fn report_missing(&mut self, variable: &'static str) -> String {
        if !self.errors.iter().any(|error| error.variable == variable) {
            self.report_invalid(variable, "is not set");
        }
        String::new()
    }

    fn required(&mut self, variable: &'static str) -> String {
        self.get(variable)
            .unwrap_or_else(|| self.report_missing(variable))
    }

    /// Returns the region.
    pub(super) fn region(&mut self, variable: &'static str) -> String {
        let region = self.required(variable);
        // It becomes a part of host names.
        let is_label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if !region.bytes().all(is_label) {
            self.report_invalid(variable, "is not a region such as eu-central-1");
        }
        region
    }

    /// Returns a credential. It becomes a part of a header, so it must be visible ASCII.
    pub(super) fn credential(&mut self, variable: &'static str) -> String {
        let value = self.required(variable);
        if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            self.report_invalid(variable, "contains a character that is not visible ASCII");
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
            self.report_invalid(variable, "is not an HTTP URL with a host");
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
            self.report_invalid(variable, "is not the name of an S3 bucket");
        }
        Some(bucket)
    }

    /// Returns a whole number.
    pub(super) fn number(
        &mut self,
        variable: &'static str,
        range: RangeInclusive<usize>,
    ) -> Option<usize> {
        let number = self.get(variable)?.parse().ok();
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let (min, max) = range.into_inner();
            self.report_invalid(
                variable,
                &format!("is not a whole number from {min} to {max}"),
            );
        }
        number
    }
}
