//! What scorers look at: an episode that was replayed.

use muster_episode::{Episode, Message, World};

/// An episode's beginning, course and end.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The world before the first turn.
    pub before: &'a World,
    /// The world after the last.
    pub after: &'a World,
    /// The conversation, tool results included.
    pub messages: &'a [Message],
}

// === impl Evidence ===

impl<'a> Evidence<'a> {
    /// Of a replayed episode.
    #[must_use]
    pub fn of(episode: &'a Episode) -> Self {
        Self { before: episode.plan().world0(), after: episode.world(), messages: episode.messages() }
    }

    /// Tool calls that did something, those that only ended the task excepted.
    #[must_use]
    pub fn calls_done(&self) -> usize {
        self.tool_results().filter(|(name, is_error)| !is_error && *name != END_TASK).count()
    }

    /// Tool calls that were answered with an error.
    #[must_use]
    pub fn calls_failed(&self) -> usize {
        self.tool_results().filter(|(_, is_error)| *is_error).count()
    }

    fn tool_results(&self) -> impl Iterator<Item = (&'a str, bool)> {
        self.messages.iter().filter_map(|message| match message {
            Message::Tool(result) => Some((result.name.as_str(), result.is_error)),
            _ => None,
        })
    }
}

/// The tool that ends a task: to call it is not to do the job.
const END_TASK: &str = "end_task";
