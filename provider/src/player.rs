//! Who plays the models' parts.

use muster_episode::{Action, Conversation, PlayError, Said};

/// Plays a model's part: stateless, so the same conversation always gets the same answer.
pub trait Players: Send + Sync {
    /// The names of all players, as in `sim/obedient`, for people and for `GET /v1/models`.
    fn names(&self) -> Vec<String>;

    /// What the player named in the conversation does next.
    ///
    /// # Errors
    /// There is no such player, or it can't play this.
    fn play(&self, conversation: &Conversation<'_>) -> Result<Action, PlayError>;
}

/// A player for tests and measurements, `sim/rehearsal`: it calls the first tool on offer for some turns, then says that
/// it is done. It understands nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rehearsal {
    /// Turns with a tool call before the last word.
    pub tool_turns: usize,
}

const REHEARSAL: &str = "sim/rehearsal";

// === impl Rehearsal ===

impl Default for Rehearsal {
    /// Six calls an episode.
    fn default() -> Self {
        Self { tool_turns: 5 }
    }
}

impl Players for Rehearsal {
    fn names(&self) -> Vec<String> {
        vec![REHEARSAL.to_owned()]
    }

    fn play(&self, conversation: &Conversation<'_>) -> Result<Action, PlayError> {
        if conversation.model != REHEARSAL {
            return Err(PlayError::UnknownPlayer {
                scenario: "rehearsal".to_owned(),
                player: conversation.model.to_owned(),
                known: REHEARSAL.to_owned(),
            });
        }
        let turn = conversation.messages.iter().filter(|said| matches!(said, Said::Assistant { .. })).count();
        let text = words(conversation.seed, turn, conversation.words);
        Ok(match conversation.tools.first() {
            Some(tool) if turn < self.tool_turns => {
                Action { text, tool_calls: vec![((*tool).into(), "{}".to_owned())], ..Action::default() }
            }
            _ => Action { text: format!("{text}Done."), ..Action::default() },
        })
    }
}

/// So many words, each with a blank after it, drawn from the seed and the turn.
fn words(seed: u64, turn: usize, count: u32) -> String {
    const WORDS: [&str; 16] = [
        "the", "a", "file", "sheet", "note", "then", "I", "read", "check", "value", "limit", "agent",
        "report", "so", "next", "list",
    ];
    let mut state = crate::fault::mix(seed ^ ((turn as u64) << 32));
    let mut text = String::new();
    for _ in 0..count {
        state = crate::fault::mix(state);
        text.push_str(WORDS[(state % 16) as usize]);
        text.push(' ');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_conversation_gets_the_same_answer_and_another_seed_another() {
        let play = |seed| {
            let conversation =
                Conversation { model: REHEARSAL, seed, messages: &[Said::User("hi")], tools: &[], words: 20 };
            Rehearsal::default().play(&conversation).expect("play").text
        };
        assert_eq!(play(1), play(1));
        assert_ne!(play(1), play(2));
        assert_eq!(play(1).split_whitespace().count(), 21);
    }
}
