//! A provider's address, checked.

use std::fmt;

use crate::error::WorkerError;

/// Names of calls that people paste with the address. They are put behind it here.
const CALLS: &[&str] = &["/chat/completions", "/responses", "/messages"];

/// A provider's address, checked: http or https, without a user, query or slash at its end.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

// === impl BaseUrl ===

impl BaseUrl {
    /// Check an address.
    ///
    /// # Errors
    /// It is none, or holds what does not belong there.
    pub fn new(address: &str) -> Result<Self, WorkerError> {
        let refuse = |shown: &str, problem: &str| {
            Err(WorkerError::BadUrl { url: shown.to_owned(), problem: problem.to_owned() })
        };
        let Ok(url) = reqwest::Url::parse(address.trim()) else {
            return refuse(without_user(address), "write http://HOST:PORT/v1 or https://HOST/v1");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return refuse(
                without_user(address),
                "a user or password does not belong in it: put the key in the API_KEY variable",
            );
        }
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return refuse(url.as_str(), "only http and https are spoken");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refuse(without_user(address), "it has a query or a fragment: give the address up to /v1");
        }
        let plain = url.as_str().trim_end_matches('/');
        if CALLS.iter().any(|call| plain.ends_with(call)) {
            return refuse(plain, "give the address up to /v1, without the name of a call behind it");
        }
        Ok(Self(plain.to_owned()))
    }

    /// The place of an address that is still to come.
    pub(super) fn nowhere() -> Self {
        Self(String::new())
    }

    /// The address, with this behind it unless it or one of `same` stands there already: people give addresses with and
    /// without a version, as the SDKs' own variables have them.
    #[must_use]
    pub(super) fn ending_in(self, suffix: &str, same: &[&str]) -> Self {
        let ends = |end: &str| self.0.ends_with(end);
        if suffix.is_empty() || ends(suffix) || same.iter().any(|end| ends(end)) {
            return self;
        }
        Self(format!("{}{suffix}", self.0))
    }

    /// The address, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What of a refused address may be shown: its scheme and host, never a user, password or query.
fn without_user(address: &str) -> &str {
    let shown = address.rsplit_once('@').map_or(address, |(_, rest)| rest);
    shown.split_once(['?', '#']).map_or(shown, |(before, _)| before)
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_a_password_is_refused_without_showing_it() {
        let error = BaseUrl::new("https://me:hunter2@example.org/v1").expect_err("must be refused");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        let error = BaseUrl::new("https://me:hunter2@exa mple.org/v1").expect_err("must be refused");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }

    #[test]
    fn addresses_that_cannot_work_are_refused_in_words() {
        for (address, word) in [
            ("localhost:8000", "only http"),
            ("example.org/v1", "write http"),
            ("ftp://example.org/v1", "only http"),
            ("https://example.org/v1?key=abc", "query"),
            ("https://example.org/v1/chat/completions", "without the name of a call"),
        ] {
            let error = BaseUrl::new(address).expect_err(address).to_string();
            assert!(error.contains(word) && !error.contains("abc"), "{error}");
        }
    }

    #[test]
    fn a_version_is_added_where_none_stands() {
        for (address, full) in [
            ("https://example.org", "https://example.org/v1beta"),
            ("https://example.org/v1beta/", "https://example.org/v1beta"),
            ("https://example.org/v1", "https://example.org/v1"),
            ("https://example.org/gateway", "https://example.org/gateway/v1beta"),
        ] {
            let address = BaseUrl::new(address).expect(address);
            assert_eq!(address.ending_in("/v1beta", &["/v1"]).as_str(), full);
        }
    }
}
