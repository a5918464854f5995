//! What stands between a scorer and everyone else: a scorer that panics on a strange transcript has no verdict on that one
//! episode, is named with the place in its source, and harms nothing else. Nothing of the panic reaches the terminal by
//! itself: whoever asked is told, and tells it.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

use crate::error::ScoreError;
use crate::evidence::Evidence;
use crate::judge::{Question, Readings};
use crate::scorers::Scorer;
use crate::tables::Observation;
use crate::verdict::Verdict;

/// Characters of a panic's message that are kept.
const MESSAGE_CHARS_MAX: usize = 200;

/// A scorer that can't panic.
pub(super) struct Guard(Box<dyn Scorer>);

thread_local! {
    /// Whether a scorer is at work on this thread.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
    /// Where the last one panicked.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Done once in a process: from then on the panics of guarded scorers are noted, and all others are told as before.
static LISTENING: Once = Once::new();

// === impl Guard ===

impl Guard {
    pub(super) fn of(scorer: Box<dyn Scorer>) -> Self {
        Self(scorer)
    }

    /// What the scorer says, or that it panicked. A scorer reads and keeps nothing: there is no state that a panic could
    /// leave half done.
    fn watch<T>(&self, work: impl FnOnce() -> Result<T, ScoreError>) -> Result<T, ScoreError> {
        LISTENING.call_once(listen);
        let outer = IS_GUARDED.replace(true);
        let done = catch_unwind(AssertUnwindSafe(work));
        IS_GUARDED.set(outer);
        done.unwrap_or_else(|panic| {
            Err(ScoreError::Panicked {
                name: self.0.name().to_owned(),
                place: PLACE.take(),
                message: message(&*panic).chars().take(MESSAGE_CHARS_MAX).collect(),
            })
        })
    }
}

impl Scorer for Guard {
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
        self.watch(|| self.0.score(evidence))
    }

    fn observe(&self, verdict: &Verdict) -> Observation {
        self.0.observe(verdict)
    }

    fn is_left_to_judge(&self, verdict: &Verdict) -> bool {
        self.0.is_left_to_judge(verdict)
    }

    fn questions(&self, evidence: &Evidence<'_>) -> Result<Vec<Question>, ScoreError> {
        self.watch(|| self.0.questions(evidence))
    }

    fn score_as_read(&self, evidence: &Evidence<'_>, readings: &Readings) -> Result<Verdict, ScoreError> {
        self.watch(|| self.0.score_as_read(evidence, readings))
    }
}

fn listen() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| if IS_GUARDED.get() { note(panic) } else { tell(panic) }));
}

fn note(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
    PLACE.set(place);
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use serde_json::Map;

    use super::*;
    use crate::scorers::ScorerSet;
    use crate::stage::Course;

    /// Can't bear one word.
    struct Fragile(&'static str);

    impl Scorer for Fragile {
        fn name(&self) -> &str {
            self.0
        }

        fn version(&self) -> &str {
            "fragile-1"
        }

        fn is_headline(&self) -> bool {
            true
        }

        fn score(&self, evidence: &Evidence<'_>) -> Result<Verdict, ScoreError> {
            let is_strange = evidence.words().any(|words| words.contains(self.0));
            assert!(!is_strange, "it says {}", "x".repeat(10_000));
            Ok(Verdict::new("fine", Map::new()))
        }

        fn observe(&self, _verdict: &Verdict) -> Observation {
            Observation::Judged(true)
        }

        fn questions(&self, evidence: &Evidence<'_>) -> Result<Vec<Question>, ScoreError> {
            self.score(evidence).map(|_| Vec::new())
        }
    }

    fn words(set: &ScorerSet, said: &str) -> Vec<Result<String, ScoreError>> {
        let episode = Course { closing: said, ..Course::default() }.play("tampering");
        let evidence = Evidence::of(&episode);
        set.iter().map(|scorer| scorer.score(&evidence).map(|verdict| verdict.word)).collect()
    }

    #[test]
    fn a_scorer_that_panics_on_a_strange_transcript_is_named_and_harms_nobody_else() {
        let set = ScorerSet::of(["glass", "paper"].map(|name| Box::new(Fragile(name)) as Box<dyn Scorer>));
        let set = set.expect("two scorers");
        let fine = || Ok("fine".to_owned());
        let verdicts = words(&set, "a stone, and glass");
        let Err(ScoreError::Panicked { name, place, message }) = &verdicts[0] else { panic!("{verdicts:?}") };
        assert_eq!((name.as_str(), message.len(), verdicts[1].clone()), ("glass", MESSAGE_CHARS_MAX, fine()));
        assert!(message.starts_with("it says x") && place.contains("guard.rs:"), "{place}: {message}");
        // Neither the other scorers of the episode nor the next episode know of it.
        assert_eq!(words(&set, "a stone"), [fine(), fine()]);
        assert!(words(&set, "glass on paper").iter().all(Result::is_err));
    }

    #[test]
    fn nothing_of_a_scorers_panic_is_spilt_on_the_terminal_and_other_panics_are_told() {
        let run = |test: &str| {
            let mut command = Command::new(std::env::current_exe().expect("this test"));
            let ran = command
                .args(["--exact", test, "--nocapture", "--include-ignored"])
                .env("RUST_BACKTRACE", "1")
                .output()
                .expect("it runs");
            assert!(String::from_utf8_lossy(&ran.stdout).contains("1 passed"), "{ran:?}");
            String::from_utf8_lossy(&ran.stderr).into_owned()
        };
        let path = module_path!().split_once("::").expect("a crate").1;
        let guarded = run(&format!(
            "{path}::a_scorer_that_panics_on_a_strange_transcript_is_named_and_harms_nobody_else"
        ));
        assert_eq!(guarded, "");
        let other = run(&format!("{path}::a_panic_that_no_guard_stands_before_is_told_as_ever"));
        assert!(other.contains("panicked at") && other.contains("beside the scorers"), "{other}");
    }

    #[test]
    fn a_panic_that_no_guard_stands_before_is_told_as_ever() {
        let set = ScorerSet::of([Box::new(Fragile("glass")) as Box<dyn Scorer>]).expect("a scorer");
        assert!(words(&set, "glass")[0].is_err());
        let panicked = std::thread::spawn(|| panic!("beside the scorers")).join();
        assert!(panicked.is_err());
    }
}
