//! The account of what was served, for tests and for `GET /stats`: an independent witness of what a real provider would
//! have billed.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::fault::Fault;
use crate::timeline::{Event, Timeline};

/// Calls whose hash is remembered: 8 bytes each, at most 18 with the table's free places while it grows, so 300 MB at
/// the very most. Beyond it calls are still counted, but no longer compared.
const MAX_TRACKED_CALLS: usize = 16_000_000;

/// Models counted apart; the rest are counted together as `(others)`.
const MAX_MODELS: usize = 1_024;

/// Everything counted since the start. A call is counted when its answer was produced, even if no one stayed to read it:
/// that is what is billed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Requests for an answer, whatever became of them.
    pub requests: u64,
    /// Answers produced.
    pub calls: u64,
    /// Of these, different ones: by model, seed and messages.
    pub distinct_calls: u64,
    /// Of these, repeated ones: `calls` without `distinct_calls` and `untracked_calls`.
    pub extra_calls: u64,
    /// Of these, ones that came after the bound on memory, and were compared with none.
    pub untracked_calls: u64,
    /// Of these, sent off whole and readable.
    pub served: u64,
    /// Answers by model.
    pub answered: BTreeMap<String, u64>,
    /// Status 429.
    pub rate_limited: u64,
    /// Status 500 to 599.
    pub server_errors: u64,
    /// Other statuses of 400 and more: the request was at fault.
    pub refused: u64,
    /// Requests left without a word.
    pub hangs: u64,
    /// Answers cut, in either way.
    pub cut: u64,
    /// Faults by name.
    pub faults: BTreeMap<&'static str, u64>,
    /// Tokens in, of the answers produced.
    pub input_tokens: u64,
    /// Tokens out.
    pub output_tokens: u64,
    /// Tokens in that came from the cache.
    pub cached_tokens: u64,
    /// What all answers cost at the configured price, in millionths of a dollar, rounded up.
    pub micro_dollars: u64,
    /// Each model by itself.
    pub models: BTreeMap<String, ModelStats>,
    /// When the account began, in milliseconds since 1970. Times of `/stats/seconds` and `/stats/calls` count from it.
    pub started_unix_ms: u64,
    /// Milliseconds since then.
    pub now_ms: u64,
}

/// One model's account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ModelStats {
    /// Requests, whatever became of them.
    pub requests: u64,
    /// Answers produced.
    pub answered: u64,
    /// Status 429.
    pub rate_limited: u64,
    /// Tokens in.
    pub input_tokens: u64,
    /// Of these, from the cache.
    pub cached_tokens: u64,
    /// Tokens out.
    pub output_tokens: u64,
    /// What was held against the limit of tokens.
    pub held_tokens: u64,
    /// What answers cost, in millionths of a dollar, rounded up.
    pub micro_dollars: u64,
}

/// An answer to be counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Served<'a> {
    pub(crate) model: &'a str,
    /// Of model, seed and messages.
    pub(crate) hash: u64,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    pub(crate) cached_tokens: u64,
    /// Against the limit of tokens.
    pub(crate) held_tokens: u64,
    pub(crate) pico_dollars: u128,
}

/// The account.
#[derive(Debug)]
pub(crate) struct Ledger {
    book: Mutex<Book>,
    started_unix_ms: u64,
}

#[derive(Debug, Default)]
struct Book {
    stats: Stats,
    seen: HashSet<u64>,
    /// All money, exactly.
    pico_dollars: u128,
    timeline: Timeline,
}

// === impl Ledger ===

impl Default for Ledger {
    fn default() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { book: Mutex::default(), started_unix_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX) }
    }
}

impl Ledger {
    /// A request came. Returns its number, from 0.
    pub(crate) fn request(&self) -> u64 {
        self.with(|book| {
            book.stats.requests += 1;
            book.stats.requests - 1
        })
    }

    /// An answer was produced.
    pub(crate) fn served(&self, served: &Served<'_>, fault: Option<Fault>) {
        self.with(|book| book.served(served, fault, MAX_TRACKED_CALLS));
    }

    /// A fault came in an answer's place.
    pub(crate) fn fault(&self, fault: Fault) {
        self.with(|book| book.fault(fault));
    }

    /// A status of 400 or more was answered.
    pub(crate) fn status(&self, status: u16) {
        self.with(|book| match status {
            429 => book.stats.rate_limited += 1,
            500.. => book.stats.server_errors += 1,
            _ => book.stats.refused += 1,
        });
    }

    /// A call is over: it began then, and was answered so. 499: its caller had left.
    pub(crate) fn ended(&self, event: &Event<'_>) {
        self.with(|book| book.timeline.note(event));
    }

    /// All of it, at a moment since the start.
    pub(crate) fn stats(&self, now: Duration) -> Stats {
        let mut stats = self.with(|book| Stats {
            micro_dollars: micro(book.pico_dollars),
            models: book.timeline.models(),
            ..book.stats.clone()
        });
        stats.started_unix_ms = self.started_unix_ms;
        stats.now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        stats
    }

    /// Each second of each model, or of one, as JSON.
    pub(crate) fn seconds(&self, model: Option<&str>) -> Vec<u8> {
        self.with(|book| book.timeline.seconds(model))
    }

    /// The last calls that began since then, as JSON.
    pub(crate) fn calls(&self, model: Option<&str>, since: Duration) -> Vec<u8> {
        self.with(|book| book.timeline.calls(model, since))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Book) -> T) -> T {
        // A panic while counting leaves counts that are still counts.
        act(&mut self.book.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

// === impl Book ===

impl Book {
    fn served(&mut self, served: &Served<'_>, fault: Option<Fault>, max_tracked: usize) {
        self.compare(served.hash, max_tracked);
        let stats = &mut self.stats;
        stats.calls += 1;
        stats.input_tokens += served.input_tokens;
        stats.output_tokens += served.output_tokens;
        stats.cached_tokens += served.cached_tokens;
        self.pico_dollars += served.pico_dollars;
        stats.served += u64::from(fault.is_none_or(Fault::is_readable));
        match stats.answered.get_mut(served.model) {
            Some(count) => *count += 1,
            None => *stats.answered.entry(name(&stats.answered, served.model)).or_default() += 1,
        }
        if let Some(fault) = fault {
            self.fault(fault);
        }
    }

    fn compare(&mut self, hash: u64, max_tracked: usize) {
        if self.seen.len() < max_tracked {
            let new = self.seen.insert(hash);
            self.stats.distinct_calls += u64::from(new);
            self.stats.extra_calls += u64::from(!new);
        } else if self.seen.contains(&hash) {
            self.stats.extra_calls += 1;
        } else {
            self.stats.untracked_calls += 1;
        }
    }

    fn fault(&mut self, fault: Fault) {
        *self.stats.faults.entry(fault.name()).or_default() += 1;
        self.stats.hangs += u64::from(fault == Fault::Hang);
        self.stats.cut += u64::from(matches!(fault, Fault::Cut | Fault::CutJson));
    }
}

/// Millionths of a dollar, rounded up.
pub(crate) fn micro(pico_dollars: u128) -> u64 {
    u64::try_from(pico_dollars.div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

fn name(known: &BTreeMap<String, u64>, model: &str) -> String {
    if known.len() < MAX_MODELS { model.to_owned() } else { "(others)".to_owned() }
}

impl Fault {
    /// Whether what is sent can be read as an answer.
    fn is_readable(self) -> bool {
        matches!(
            self,
            Self::BlankLines
                | Self::UnknownTool
                | Self::BadArguments
                | Self::Empty
                | Self::Stall
                | Self::KeepAlive
                | Self::Refusal
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(model: &str, hash: u64) -> Served<'_> {
        Served {
            model,
            hash,
            input_tokens: 10,
            output_tokens: 1,
            cached_tokens: 4,
            held_tokens: 10,
            pico_dollars: 1_000_001,
        }
    }

    #[test]
    fn a_repeated_call_is_an_extra_call_even_if_its_first_answer_was_cut() {
        let ledger = Ledger::default();
        ledger.served(&call("a", 1), Some(Fault::Cut));
        ledger.served(&call("a", 1), None);
        ledger.served(&call("b", 2), Some(Fault::Empty));
        let stats = ledger.stats(Duration::ZERO);
        assert_eq!((stats.calls, stats.distinct_calls, stats.extra_calls), (3, 2, 1));
        assert_eq!((stats.served, stats.cut, stats.answered["a"]), (2, 1, 2));
        assert_eq!((stats.input_tokens, stats.output_tokens, stats.cached_tokens), (30, 3, 12));
        // Not 6: what is a fraction too much is rounded up once, not three times.
        assert_eq!(stats.micro_dollars, 4);
    }

    #[test]
    fn beyond_its_memory_it_counts_but_does_not_claim_to_know() {
        let mut book = Book::default();
        [1, 2, 3, 3, 1].into_iter().for_each(|hash| book.served(&call("a", hash), None, 2));
        let stats = book.stats;
        assert_eq!(
            (stats.calls, stats.distinct_calls, stats.extra_calls, stats.untracked_calls),
            (5, 2, 1, 2)
        );
    }

    #[test]
    fn endless_model_names_are_counted_together() {
        let ledger = Ledger::default();
        (0..2_000_u64).for_each(|n| ledger.served(&call(&n.to_string(), n), None));
        let stats = ledger.stats(Duration::ZERO);
        assert_eq!(stats.answered.len(), MAX_MODELS + 1);
        assert_eq!(stats.answered["(others)"], 2_000 - MAX_MODELS as u64);
    }
}
