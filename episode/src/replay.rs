//! Replay: an episode again from its stored turns, bit for bit.

use std::sync::Arc;

use bytes::Bytes;

use crate::episode::{Episode, ResumeError};
use crate::job::JobPlan;
use crate::record::{RecordError, decode_end};

/// An episode that was run again.
#[derive(Debug)]
pub struct Replay {
    /// As it ended.
    pub episode: Episode,
    /// Whether every turn and the end came out as the very bytes that were stored.
    pub same_bytes: bool,
}

/// Why a stored episode can't be run again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Its turns can't be.
    #[error(transparent)]
    Turns(#[from] ResumeError),
    /// Its end can't be read.
    #[error("the episode's end is damaged: {0}")]
    End(#[from] RecordError),
}

/// Runs a stored episode again: every turn is fed to a fresh world and encoded anew, and so is the end.
///
/// # Errors
/// If the turns or the end can't be read, or the turns replay to another state.
pub fn replay(plan: Arc<JobPlan>, turns: &[Bytes], end: &[u8]) -> Result<Replay, ReplayError> {
    decode_end(end)?;
    let (episode, same_turns) = Episode::rerun(plan, turns)?;
    let same_end = episode.end().is_some_and(|again| again == end);
    Ok(Replay { episode, same_bytes: same_turns && same_end })
}
