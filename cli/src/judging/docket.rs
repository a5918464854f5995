//! What a judge is asked about a sweep's episodes, and what it answered. Identical questions are one: a question is known
//! by the hash of its request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use muster_episode::{ListPlan, Reply, Row, StopReason};
use muster_scoring::judge::{JudgeError, PROMPT_VERSION, Question, Reading};

/// Bytes of the questions that are asked at once; what is beyond them is asked when the command is run again.
const QUESTIONS_BYTES_MAX: usize = 256 << 20;

/// Bytes that are kept of an answer: as many as are read, from its end, where those who think aloud say what they found.
const ANSWER_BYTES_MAX: usize = 16 << 10;

/// What asks, as a list's jobs are called.
const NAME: &str = "judge";

/// See the module.
#[derive(Debug)]
pub(crate) struct Docket {
    questions: BTreeMap<[u8; 32], Row>,
    answers: Answers,
    bytes: usize,
    /// Questions that found no room.
    beyond: BTreeSet<[u8; 32]>,
    /// Questions whose answers are none, and why.
    unread: BTreeMap<[u8; 32], JudgeError>,
}

/// What a judge has answered. Cloning shares it.
#[derive(Debug, Clone)]
pub(crate) struct Answers {
    model: Arc<str>,
    given: Arc<BTreeMap<[u8; 32], Given>>,
}

/// One answer.
#[derive(Debug, Clone)]
enum Given {
    Whole(String),
    /// It ran into the bound on its tokens.
    Cut,
}

/// What there is to a question.
#[derive(Debug)]
pub(crate) enum Asked {
    /// An answer.
    Answered(Reading),
    /// Nothing yet.
    Open(Row),
    /// An answer that is none.
    Unread(Unread),
    /// It can't be asked at all.
    Unaskable,
}

/// A question by its hash, and why its answer is none.
pub(crate) type Unread = ([u8; 32], JudgeError);

// === impl Docket ===

impl Docket {
    /// Nothing asked yet.
    pub(crate) fn new(model: &Arc<str>) -> Self {
        Self {
            questions: BTreeMap::new(),
            answers: Answers { model: Arc::clone(model), given: Arc::default() },
            bytes: 0,
            beyond: BTreeSet::new(),
            unread: BTreeMap::new(),
        }
    }

    /// What is answered by now.
    pub(crate) fn answers(&self) -> Answers {
        self.answers.clone()
    }

    /// Takes down what is to be asked, and what was answered by something that is no answer.
    pub(crate) fn take(&mut self, wanted: Vec<Row>, unread: Vec<Unread>) {
        wanted.into_iter().for_each(|row| self.want(row));
        self.unread.extend(unread);
    }

    fn want(&mut self, row: Row) {
        if self.questions.contains_key(&row.request) {
            return;
        }
        if self.bytes + bytes(&row) > QUESTIONS_BYTES_MAX {
            self.beyond.insert(row.request);
            return;
        }
        self.bytes += bytes(&row);
        self.questions.insert(row.request, row);
    }

    /// Takes an answer, if it was asked for.
    pub(crate) fn answer(&mut self, request: &[u8; 32], reply: &Reply) {
        if self.questions.contains_key(request) {
            let given = match reply.stop {
                StopReason::Length => Given::Cut,
                _ => Given::Whole(ending(&reply.text).to_owned()),
            };
            // Nobody shares them between two passes over the episodes.
            Arc::make_mut(&mut self.answers.given).insert(*request, given);
        }
    }

    /// Whether a question is on it that has no answer.
    pub(crate) fn is_open(&self, request: &[u8; 32]) -> bool {
        self.questions.contains_key(request) && !self.answers.given.contains_key(request)
    }

    /// The questions without an answer.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Row> {
        self.questions.values().filter(|row| !self.answers.given.contains_key(&row.request))
    }

    /// Different questions.
    pub(crate) fn count(&self) -> u64 {
        self.questions.len() as u64
    }

    /// Questions that are asked when the command is run again.
    pub(crate) fn beyond(&self) -> u64 {
        self.beyond.len() as u64
    }

    /// Why answers are none, one for each question.
    pub(crate) fn unread(&self) -> impl ExactSizeIterator<Item = &JudgeError> {
        self.unread.values()
    }

    /// The plan of so many of its questions.
    pub(crate) fn list(&self, rows: u32) -> ListPlan {
        ListPlan::new(NAME, &version(), rows, Question::sampling())
    }
}

// === impl Answers ===

impl Answers {
    /// The judge.
    pub(crate) fn model(&self) -> &str {
        &self.model
    }

    /// What there is to a question.
    pub(crate) fn to(&self, question: &Question) -> Asked {
        // A judge's question is one system prompt and one user prompt.
        let Ok(row) = Row::of(&question.call()) else { return Asked::Unaskable };
        let read = match self.given.get(&row.request) {
            None => return Asked::Open(row),
            Some(Given::Whole(text)) => question.read(text),
            Some(Given::Cut) => Err(JudgeError::Cut),
        };
        read.map_or_else(|why| Asked::Unread((row.request, why)), Asked::Answered)
    }
}

/// The version of what is asked.
pub(crate) fn version() -> String {
    format!("{NAME}-{PROMPT_VERSION}")
}

/// Bytes of a question.
pub(super) fn bytes(row: &Row) -> usize {
    row.system.len() + row.user.len()
}

/// The end of an answer that is too long to be kept.
fn ending(text: &str) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(ANSWER_BYTES_MAX))..]
}

#[cfg(test)]
mod tests {
    use muster_episode::TokenUsage;
    use muster_scoring::extraction::{Answer, Asked as Report, Piece, Place};
    use muster_scoring::judge::Matter;

    use super::*;

    fn question(text: &str) -> Question {
        let pieces = [Piece { place: Place::Said, text: text.to_owned() }];
        Question::about(&pieces, Matter::Report(Report::Grade))
    }

    fn reply(text: &str, stop: StopReason) -> Reply {
        Reply {
            raw: bytes::Bytes::from_static(b"{}"),
            dialect: "test".into(),
            text: text.to_owned(),
            reasoning: String::new(),
            tool_calls: Vec::new(),
            stop,
            tokens: TokenUsage::default(),
            served_model: String::new(),
            fingerprint: String::new(),
        }
    }

    fn docket(texts: &[&str]) -> Docket {
        let mut docket = Docket::new(&"sim/judge".into());
        for text in texts {
            if let Asked::Open(row) = docket.answers().to(&question(text)) {
                docket.take(vec![row], Vec::new());
            }
        }
        docket
    }

    #[test]
    fn two_reports_of_the_same_words_are_one_question() {
        let mut docket = docket(&["B or C", "B or C", "A or C"]);
        assert_eq!((docket.count(), docket.open().count()), (2, 2));
        let request = docket.open().next().expect("a question").request;
        docket.answer(&request, &reply("{\"outcome\": \"nothing\"}", StopReason::End));
        docket.answer(&[0; 32], &reply("of another sweep", StopReason::End));
        assert_eq!((docket.count(), docket.open().count()), (2, 1));
        let answered = ["B or C", "A or C"].map(|text| docket.answers().to(&question(text)));
        let answered = answered.map(|asked| matches!(asked, Asked::Answered(_)));
        assert!(answered[0] != answered[1], "{answered:?}");
    }

    #[test]
    fn what_finds_no_room_is_counted_and_left_for_the_next_time() {
        let mut docket = Docket::new(&"sim/judge".into());
        docket.bytes = QUESTIONS_BYTES_MAX;
        for _ in 0..2 {
            let Asked::Open(row) = docket.answers().to(&question("B or C")) else { panic!("it is open") };
            docket.take(vec![row], Vec::new());
        }
        assert_eq!((docket.count(), docket.beyond()), (0, 1));
    }

    #[test]
    fn an_answer_that_was_cut_off_is_none_whatever_stands_in_it() {
        let mut docket = docket(&["B or C"]);
        let request = docket.open().next().expect("a question").request;
        let draft = "Perhaps {\"outcome\": \"grade\", \"grade\": \"B\"}? Let me look again";
        docket.answer(&request, &reply(draft, StopReason::Length));
        let Asked::Unread((of, JudgeError::Cut)) = docket.answers().to(&question("B or C")) else {
            panic!("a draft was taken for an answer")
        };
        assert_eq!((of, docket.open().count()), (request, 0), "it is asked again in vain");
        docket.take(Vec::new(), vec![(of, JudgeError::Cut), (of, JudgeError::Cut)]);
        assert_eq!(
            docket.unread().len(),
            1,
            "one question is counted once, however many episodes hang on it"
        );
    }

    #[test]
    fn the_word_at_the_end_of_a_long_answer_is_kept() {
        let mut docket = docket(&["B or C"]);
        let request = docket.open().next().expect("a question").request;
        let long = format!("{}{{\"outcome\": \"nothing\"}}", "ü, ".repeat(ANSWER_BYTES_MAX));
        docket.answer(&request, &reply(&long, StopReason::End));
        let Asked::Answered(Reading::Report(read)) = docket.answers().to(&question("B or C")) else {
            panic!("it can't be read")
        };
        assert_eq!(read.answer, Answer::Nothing);
    }
}
