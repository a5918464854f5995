//! The table of errors: what a provider's refusal means, and what to do about it. One place for every dialect.
//!
//! Status codes alone mislead: a 429 is "slow down", "your money is gone" or "this request will never fit". So the order
//! is: the body's codes, the finest first; its message, where a provider has no code for what it means; its type; then
//! `x-should-retry`; then the status. The words are in `table`, their shapes in `body`, the waits in `hints`.

mod body;
mod calendar;
#[cfg(test)]
mod frozen;
mod hints;
mod table;

use std::time::{Duration, SystemTime};

use http::HeaderMap;

use body::ErrorBody;
pub(crate) use hints::reset_of;
use table::Means;

/// What kind of failure a call met: decides whether it is tried again, and what becomes of its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// Network trouble, a 5xx, an answer cut off or unreadable.
    Transient,
    /// "Too many requests".
    RateLimited,
    /// The provider, or this model at it, is overloaded.
    Overloaded,
    /// The account's money or its day's allowance is used up: no use to ask again before it is there anew.
    Quota,
    /// The key, the model's name or the address: nothing that waiting for would mend.
    Config,
    /// The provider will never accept this request.
    BadRequest,
    /// This worker let go of the call.
    Cancelled,
}

/// What there is too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// Requests a minute.
    Requests,
    /// Tokens a minute.
    Tokens,
    /// Tokens in a minute, where they are counted apart.
    InputTokens,
    /// Tokens out a minute, where they are counted apart.
    OutputTokens,
    /// Requests a day.
    RequestsPerDay,
    /// Tokens a day.
    TokensPerDay,
    /// Calls at once.
    Concurrency,
    /// Money held by calls in flight.
    Money,
    /// The rate grew too fast, within its limits.
    Ramp,
}

/// What an answer that holds no reply means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// The provider declined the content: a result of the model's side, never tried again, no failure.
    Declined {
        /// What it said: hostile data, not yet redacted, bounded.
        message: String,
    },
    /// It failed.
    Failed(Verdict),
}

/// What a failure means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Its class.
    pub class: ErrorClass,
    /// Whether another try of the same request can help.
    pub retry: Retry,
    /// How long the provider asked to wait, at most a day; of a quota, how long until it is there anew.
    pub hint: Option<Duration>,
    /// What there was too much of, if it is rate limited and that is known.
    pub dimension: Option<Dimension>,
    /// Whether an answer may have been produced and billed all the same (a gateway lost it).
    pub paid: Paid,
    /// What happened, in the provider's words: hostile data, not yet redacted, bounded.
    pub message: String,
}

/// Whether another try can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It can.
    Again,
    /// It can't, or the provider asked not to.
    Never,
}

/// Whether a failed try may have been billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paid {
    /// No answer was produced.
    No,
    /// One may have been.
    Maybe,
}

/// An error and what came with it.
struct Case<'a> {
    status: u16,
    headers: &'a HeaderMap,
    error: ErrorBody,
    now: SystemTime,
}

/// What a case comes to, and in which words.
type Decision = (Means, &'static str);

/// What an answer with an error status means. `now` is the wall clock, for dates.
#[must_use]
pub fn classify(status: u16, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Judgement {
    Case { status, headers, error: ErrorBody::read(body), now }.judge()
}

/// What an error object means that came inside an answer with status 200. Its own numeric code takes the status's place.
#[must_use]
pub(crate) fn classify_inside(error: &[u8], headers: &HeaderMap, now: SystemTime) -> Judgement {
    let error = ErrorBody::read(error);
    let status = error.code.parse().ok().filter(|code| (400..600).contains(code)).unwrap_or(500);
    match (Case { status, headers, error, now }).judge() {
        Judgement::Failed(verdict) => {
            let message = format!("{} (inside an answer of status 200)", verdict.message);
            Judgement::Failed(Verdict { message, ..verdict })
        }
        declined => declined,
    }
}

// === impl Case ===

impl Case<'_> {
    fn judge(&self) -> Judgement {
        let (means, note) = self.decide();
        let message = self.describe(note);
        match means {
            Means::Declines => Judgement::Declined { message },
            Means::Fails(class) => Judgement::Failed(self.verdict(class, None, message)),
            Means::Limits(dimension) => {
                Judgement::Failed(self.verdict(ErrorClass::RateLimited, Some(dimension), message))
            }
        }
    }

    fn verdict(&self, class: ErrorClass, dimension: Option<Dimension>, message: String) -> Verdict {
        let is_limit = class == ErrorClass::RateLimited;
        let dimension = dimension.or_else(|| self.dimension().filter(|_| is_limit));
        let asked_not_to = self.should_retry() == Some(false);
        let retry = if asked_not_to { Retry::Never } else { retry_of(class) };
        Verdict { class, retry, hint: self.hint(class), dimension, paid: paid(self.status), message }
    }

    fn decide(&self) -> Decision {
        let special = || self.wall().or_else(|| self.spent());
        let decided =
            special().or_else(|| self.by_code()).or_else(|| self.by_message()).or_else(|| self.by_type());
        if let Some(decision) = decided {
            return decision;
        }
        let (means, note) = self.by_status();
        let hopeless = matches!(means, Means::Fails(class) if retry_of(class) == Retry::Never);
        if hopeless && self.should_retry() == Some(true) {
            return (Means::Fails(ErrorClass::Transient), note);
        }
        (means, note)
    }

    /// "Limit 10000, Requested 11454": the request alone is larger than a whole minute's limit, and will never fit.
    fn wall(&self) -> Option<Decision> {
        let limit = number_after(&self.error.message, "Limit ")?;
        let requested = number_after(&self.error.message, "Requested ")?;
        (requested > limit)
            .then_some((Means::Fails(ErrorClass::BadRequest), "request larger than the whole limit"))
    }

    /// Spent quotas that no code names.
    fn spent(&self) -> Option<Decision> {
        if self.is_googles_day() {
            return Some((Means::Fails(ErrorClass::Quota), "the day's quota exhausted"));
        }
        // Anthropic says with every true "too many" when to come again: without that it is a cap on spending.
        let capped = self.status == 429
            && self.error.is_anthropic
            && self.error.kind == "rate_limit_error"
            && !self.error.fine.iter().any(|code| code == "ramp_limit_exceeded")
            && !hints::says_when(self.headers);
        capped.then_some((Means::Fails(ErrorClass::Quota), "quota exhausted (no word of when to come again)"))
    }

    fn is_googles_day(&self) -> bool {
        self.error.quotas.iter().any(|quota| quota.contains("PerDay"))
    }

    fn by_code(&self) -> Option<Decision> {
        self.error.codes().find_map(table::of_word).map(|row| (row.means, row.note))
    }

    fn by_message(&self) -> Option<Decision> {
        if self.error.moderated && self.status == 403 {
            return Some((Means::Declines, "content declined by the provider"));
        }
        table::of_message(self.status, &self.error.message).map(|phrase| (phrase.means, phrase.note))
    }

    fn by_type(&self) -> Option<Decision> {
        table::of_word(&self.error.kind).map(|row| (row.means, row.note))
    }

    fn by_status(&self) -> Decision {
        use ErrorClass::{BadRequest, Config, Overloaded, Quota, RateLimited, Transient};
        let (class, note) = match self.status {
            300..=399 => (Config, "sent elsewhere: the address is not the provider's own"),
            401 => (Config, "key refused"),
            402 if self.passes() => return (Means::Limits(Dimension::Money), "too much money in flight"),
            402 => (Quota, "quota exhausted"),
            403 => (Config, "access refused"),
            404 | 405 => (Config, "no such model, or not the address of its API"),
            407 => (Config, "the proxy wants a password"),
            408 | 409 | 425 | 499 => (Transient, "try again"),
            429 => (RateLimited, "rate limited"),
            503 | 529 => (Overloaded, "overloaded"),
            500..=599 => (Transient, "the provider failed"),
            _ => (BadRequest, "request refused"),
        };
        (Means::Fails(class), note)
    }

    /// Whether a refusal for want of money says that waiting helps.
    fn passes(&self) -> bool {
        self.error.in_flight_budget || hints::says_when(self.headers)
    }

    fn should_retry(&self) -> Option<bool> {
        match self.headers.get("x-should-retry")?.as_bytes() {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        }
    }

    fn dimension(&self) -> Option<Dimension> {
        let quota =
            |words: &[&str]| self.error.quotas.iter().any(|id| words.iter().any(|word| id.contains(word)));
        if quota(&["Requests"]) {
            return Some(Dimension::Requests);
        }
        if quota(&["Token"]) {
            return Some(Dimension::InputTokens);
        }
        table::dimension(&self.error.kind, &self.error.message)
    }

    /// A spent quota's wait is believed only where it tells of the quota: Google's `RetryInfo` says a second on a spent
    /// day, and a gateway's `Retry-After` knows nothing of money.
    fn hint(&self, class: ErrorClass) -> Option<Duration> {
        if class == ErrorClass::Quota {
            let day = self.is_googles_day().then(|| calendar::until_pacific_midnight(self.now));
            return day.map(hints::bounded).or_else(|| hints::of_reset_words(&self.error.message, self.now));
        }
        let told = hints::of_headers(self.headers, self.now).or(self.error.retry_info.map(hints::bounded));
        if class != ErrorClass::RateLimited {
            return told;
        }
        told.or_else(|| hints::of_message(&self.error.message))
            .or_else(|| hints::of_allowances(self.headers, self.now))
    }

    fn describe(&self, note: &str) -> String {
        let word = self.error.name();
        let says_nothing_new = word.is_empty() || word == self.status.to_string();
        let word = if says_nothing_new { String::new() } else { format!(" ({word})") };
        let said = &self.error.message;
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        format!("{note}: the provider answered {}{word}{said}", self.status)
    }
}

fn retry_of(class: ErrorClass) -> Retry {
    match class {
        ErrorClass::Transient | ErrorClass::RateLimited | ErrorClass::Overloaded => Retry::Again,
        ErrorClass::Quota | ErrorClass::Config | ErrorClass::BadRequest | ErrorClass::Cancelled => {
            Retry::Never
        }
    }
}

/// A gateway that gave up waiting may have lost a finished answer.
fn paid(status: u16) -> Paid {
    if matches!(status, 408 | 499 | 502 | 504 | 524) { Paid::Maybe } else { Paid::No }
}

fn number_after(text: &str, word: &str) -> Option<u64> {
    let (_, rest) = text.split_once(word)?;
    let digits: String =
        rest.chars().take_while(|c| c.is_ascii_digit() || *c == ',').filter(|c| *c != ',').collect();
    digits.parse().ok()
}
