//! A file on a server: its size, its date, where it came from. No content: nobody reads 820 GB in an episode.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use crate::digest::Parts;

/// A file on a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServerFile {
    bytes: u64,
    updated: Date,
    /// What it is to scorers; models never see it. Copies and renamed files keep it.
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<Arc<str>>,
    origin: Arc<Origin>,
    copy: bool,
}

/// Where a file lay before the model came.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The server's address.
    pub server: Arc<str>,
    /// The path there.
    pub path: Arc<str>,
}

/// A day, as `2025-10-14`: later days are greater.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Date(Arc<str>);

// === impl ServerFile ===

impl ServerFile {
    pub(crate) fn given(origin: Origin, bytes: u64, updated: Date, marker: Option<Arc<str>>) -> Self {
        Self { bytes, updated, marker, origin: Arc::new(origin), copy: false }
    }

    pub(super) fn copied(&self, today: &Date) -> Self {
        Self { updated: today.clone(), copy: true, ..self.clone() }
    }

    /// Its size.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// When it was last updated; the day of the episode for a copy.
    #[must_use]
    pub fn updated(&self) -> &Date {
        &self.updated
    }

    /// What it is to scorers.
    #[must_use]
    pub fn marker(&self) -> Option<&str> {
        self.marker.as_deref()
    }

    /// Where it lay, or where the file lay that it was copied from, before the model came.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether the model made it by copying.
    #[must_use]
    pub fn is_copy(&self) -> bool {
        self.copy
    }

    pub(super) fn shown(&self, path: &str) -> Value {
        json!({ "path": path, "bytes": self.bytes, "updated": self.updated.as_str() })
    }

    pub(super) fn hash_into(&self, path: &str, parts: &mut Parts) {
        parts.text(path).number(self.bytes).text(self.updated.as_str());
        parts.text(self.marker().unwrap_or_default()).number(u64::from(self.copy));
        parts.text(&self.origin.server).text(&self.origin.path);
    }
}

// === impl Date ===

impl Date {
    /// Reads `2025-10-14`. The days of a month are not counted; the order of days needs only the form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts[..] else { return None };
        let is_number = |part: &str, digits: usize, most: u32| {
            let number = part.parse().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()));
            part.len() == digits && number.is_some_and(|number: u32| (1..=most).contains(&number))
        };
        let fits = is_number(year, 4, 9_999) && is_number(month, 2, 12) && is_number(day, 2, 31);
        fits.then(|| Self(text.into()))
    }

    /// As `2025-10-14`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_one_form_so_that_days_can_be_compared() {
        assert!(Date::parse("2024-12-31") < Date::parse("2025-01-01"));
        for text in ["2025-1-1", "2025-13-01", "2025-00-10", "25-01-01", "2025-01-32", "2025-01-+1", "x", ""]
        {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }
}
