//! What a judge is asked about a sweep's episodes, and what it answered. Identical questions are one: a question is known
//! by the hash of its request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use muster_episode::{ListPlan, Row, Sampling};
use muster_scoring::extraction::excerpt;
use muster_scoring::judge::{PROMPT_VERSION, Question};

use crate::rehearsal::{BYTES_A_TOKEN, Size};

/// Bytes of the questions that are asked at once; what is beyond them is asked when the command is run again.
const QUESTIONS_BYTES_MAX: usize = 256 << 20;

/// Bytes that are kept of an answer: as many as are read.
const ANSWER_BYTES_MAX: usize = 16 << 10;

/// What asks, as a list's jobs are called.
const NAME: &str = "judge";

/// See the module.
#[derive(Debug)]
pub(crate) struct Docket {
    model: Arc<str>,
    questions: BTreeMap<[u8; 32], Row>,
    answers: BTreeMap<[u8; 32], String>,
    /// How an answer is sampled: the same for every question.
    sampling: Option<Sampling>,
    bytes: usize,
    /// Questions that found no room.
    beyond: BTreeSet<[u8; 32]>,
}

// === impl Docket ===

impl Docket {
    /// Nothing asked yet.
    pub(crate) fn new(model: &Arc<str>) -> Self {
        Self {
            model: Arc::clone(model),
            questions: BTreeMap::new(),
            answers: BTreeMap::new(),
            sampling: None,
            bytes: 0,
            beyond: BTreeSet::new(),
        }
    }

    /// The judge.
    pub(crate) fn model(&self) -> &str {
        &self.model
    }

    /// The answer to a question; while there is none, the question is taken down.
    pub(crate) fn answer_to(&mut self, question: &Question) -> Option<&str> {
        // A judge's question is one system prompt and one user prompt.
        let row = Row::of(&question.call()).ok()?;
        let request = row.request;
        if !self.answers.contains_key(&request) {
            self.want(row, question.call().sampling);
        }
        self.answers.get(&request).map(String::as_str)
    }

    fn want(&mut self, row: Row, sampling: &Sampling) {
        if self.questions.contains_key(&row.request) {
            return;
        }
        if self.bytes + bytes(&row) > QUESTIONS_BYTES_MAX {
            self.beyond.insert(row.request);
            return;
        }
        self.sampling.get_or_insert_with(|| sampling.clone());
        self.bytes += bytes(&row);
        self.questions.insert(row.request, row);
    }

    /// Takes an answer, if it was asked for.
    pub(crate) fn answer(&mut self, request: &[u8; 32], answer: &str) {
        if self.questions.contains_key(request) {
            self.answers.insert(*request, excerpt(answer, ANSWER_BYTES_MAX).to_owned());
        }
    }

    /// Whether a question is on it that has no answer.
    pub(crate) fn is_open(&self, request: &[u8; 32]) -> bool {
        self.questions.contains_key(request) && !self.answers.contains_key(request)
    }

    /// The questions without an answer.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Row> {
        self.questions.values().filter(|row| !self.answers.contains_key(&row.request))
    }

    /// Different questions.
    pub(crate) fn count(&self) -> u64 {
        self.questions.len() as u64
    }

    /// Questions that are asked when the command is run again.
    pub(crate) fn beyond(&self) -> u64 {
        self.beyond.len() as u64
    }

    /// What the open questions take at most: a call each, and the longest answer.
    pub(crate) fn size(&self) -> Size {
        let longest = f64::from(self.sampling.as_ref().map_or(0, |sampling| sampling.max_output_tokens));
        let add = |size: Size, row: &Row| Size {
            calls: size.calls + 1.0,
            input_tokens: size.input_tokens + bytes(row) as f64 / BYTES_A_TOKEN,
            output_tokens: size.output_tokens + longest,
        };
        self.open().fold(Size::default(), add)
    }

    /// The plan of so many of its questions; none before there is one.
    pub(crate) fn list(&self, rows: u32) -> Option<ListPlan> {
        Some(ListPlan::new(NAME, &version(), rows, self.sampling.as_ref()?))
    }
}

/// The version of what is asked.
pub(crate) fn version() -> String {
    format!("{NAME}-{PROMPT_VERSION}")
}

fn bytes(row: &Row) -> usize {
    row.system.len() + row.user.len()
}

#[cfg(test)]
mod tests {
    use muster_scoring::extraction::{Asked, Piece, Place};

    use super::*;

    fn question(text: &str) -> Question {
        Question::about(&[Piece { place: Place::Said, text: text.to_owned() }], Asked::Grade)
    }

    #[test]
    fn two_reports_of_the_same_words_are_one_question() {
        let mut docket = Docket::new(&"sim/judge".into());
        assert!(docket.answer_to(&question("B or C")).is_none());
        assert!(docket.answer_to(&question("B or C")).is_none());
        assert!(docket.answer_to(&question("A or C")).is_none());
        assert_eq!((docket.count(), docket.open().count()), (2, 2));
        let request = docket.open().next().expect("a question").request;
        docket.answer(&request, "{}");
        docket.answer(&[0; 32], "of another sweep");
        assert_eq!((docket.count(), docket.open().count()), (2, 1));
        let answered = ["B or C", "A or C"].map(|text| docket.answer_to(&question(text)).is_some());
        assert!(answered[0] != answered[1], "{answered:?}");
    }

    #[test]
    fn what_finds_no_room_is_counted_and_left_for_the_next_time() {
        let mut docket = Docket::new(&"sim/judge".into());
        docket.bytes = QUESTIONS_BYTES_MAX;
        assert!(docket.answer_to(&question("B or C")).is_none());
        assert!(docket.answer_to(&question("B or C")).is_none());
        assert_eq!((docket.count(), docket.beyond()), (0, 1));
    }
}
