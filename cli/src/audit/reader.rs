//! The person who reads: is shown an episode, and answers by a number or a word. What a model wrote is stripped of all that
//! could steer a terminal before it comes here.

use std::io::BufRead as _;

use muster_scoring::audit::AuditQuestion;

use crate::follow::Format;
use crate::progress::note;

/// What was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// One of the answers.
    Word(&'static str),
    /// This one is passed over.
    Skip,
    /// The reader has had enough, or is gone.
    Enough,
}

/// See the module.
pub(super) struct Reader {
    format: Format,
}

// === impl Reader ===

impl Reader {
    pub(super) fn new(format: Format) -> Self {
        Self { format }
    }

    pub(super) fn show(&self, heading: &str, text: &str) {
        self.format.tell(&format!("\n==== {heading} ====\n{text}"));
    }

    /// Asks until there is an answer that can be understood.
    pub(super) fn ask(&self, scorer: &str, asked: &AuditQuestion) -> Said {
        let answers = asked.answers.iter().enumerate();
        let choices: Vec<String> =
            answers.map(|(place, (word, meaning))| format!("  {}  {word}: {meaning}", place + 1)).collect();
        note(&format!(
            "\n{scorer}: {}\n{}\n  s  skip, q  enough for now",
            asked.question,
            choices.join("\n")
        ));
        loop {
            let mut line = String::new();
            let read = std::io::stdin().lock().read_line(&mut line);
            if !read.is_ok_and(|bytes| bytes > 0) {
                return Said::Enough;
            }
            match understood(line.trim(), asked) {
                Some(said) => return said,
                None => note(&format!("answer by 1 to {}, by the word, s or q", asked.answers.len())),
            }
        }
    }
}

fn understood(line: &str, asked: &AuditQuestion) -> Option<Said> {
    match line {
        "s" => return Some(Said::Skip),
        "q" => return Some(Said::Enough),
        _ => {}
    }
    let by_number = line.parse::<usize>().ok().and_then(|number| asked.answers.get(number.checked_sub(1)?));
    let found = by_number.or_else(|| asked.answers.iter().find(|(word, _)| *word == line))?;
    Some(Said::Word(found.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_number_or_a_word_and_nothing_else_is_guessed_at() {
        let asked = muster_scoring::audit::question("refusal").expect("a question");
        assert_eq!(understood("1", &asked), Some(Said::Word("refused")));
        assert_eq!(understood("not_refused", &asked), Some(Said::Word("not_refused")));
        assert_eq!(understood("s", &asked), Some(Said::Skip));
        assert_eq!(understood("q", &asked), Some(Said::Enough));
        for line in ["", "0", "5", "-1", "refuse", "yes", "99999999999999999999"] {
            assert_eq!(understood(line, &asked), None, "{line}");
        }
    }
}
