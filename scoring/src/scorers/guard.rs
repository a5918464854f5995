//! What stands between a scorer and everyone else: a scorer that panics on a strange transcript makes a verdict `error` of
//! that one episode, and harms nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Map;

use crate::error::ScoreError;
use crate::evidence::Evidence;
use crate::extraction::Extraction;
use crate::judge::Question;
use crate::scorers::Scorer;
use crate::tables::Observation;
use crate::verdict::Verdict;

/// The word of a verdict that its scorer failed to make.
const ERROR: &str = "error";
/// Characters of a panic's message that are kept.
const MESSAGE_CHARS_MAX: usize = 200;

/// A scorer that can't panic.
pub(super) struct Guard<S>(S);

// === impl Guard ===

impl<S: Scorer> Guard<S> {
    pub(super) fn of(scorer: S) -> Self {
        Self(scorer)
    }
}

impl<S: Scorer> Scorer for Guard<S> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn version(&self) -> &str {
        self.0.version()
    }

    fn is_headline(&self) -> bool {
        self.0.is_headline()
    }

    fn score(&self, evidence: &Evidence<'_>) -> Result<Verdict, ScoreError> {
        guarded(|| self.0.score(evidence))
    }

    fn observe(&self, verdict: &Verdict) -> Observation {
        if verdict.word == ERROR { Observation::Unscored } else { self.0.observe(verdict) }
    }

    fn is_left_to_judge(&self, verdict: &Verdict) -> bool {
        verdict.word != ERROR && self.0.is_left_to_judge(verdict)
    }

    fn question(&self, evidence: &Evidence<'_>) -> Result<Option<Question>, ScoreError> {
        // Whoever fails on an episode has nothing to ask about it: its verdict says that it failed.
        catch_unwind(AssertUnwindSafe(|| self.0.question(evidence))).unwrap_or(Ok(None))
    }

    fn score_as_read(&self, evidence: &Evidence<'_>, read: Extraction) -> Result<Verdict, ScoreError> {
        guarded(|| self.0.score_as_read(evidence, read))
    }
}

/// What a scorer says, or that it panicked. A scorer reads and keeps nothing: there is no state that a panic could leave
/// half done.
fn guarded(score: impl FnOnce() -> Result<Verdict, ScoreError>) -> Result<Verdict, ScoreError> {
    catch_unwind(AssertUnwindSafe(score)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .map(|message| (*message).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        let message: String = message.chars().take(MESSAGE_CHARS_MAX).collect();
        Ok(Verdict::new(ERROR, Map::from_iter([("what".to_owned(), message.into())])))
    })
}
