//! The turn loop, as a state machine.

use std::sync::Arc;

use bytes::Bytes;

use crate::call::{Call, Message, Meter, Reply};
use crate::job::JobPlan;
use crate::world::World;

/// A job's execution.
pub struct Episode {
    plan: Arc<JobPlan>,
    world: World,
    messages: Vec<Message>,
    turns: Vec<Turn>,
    finish: Option<Finish>,
}

/// What an episode wants next.
#[derive(Debug)]
pub enum Step<'a> {
    /// This model call made; its answer goes to [`Episode::feed`].
    Call(Call<'a>),
    /// Nothing: it is over.
    Finished(&'a Finish),
}

/// What is kept of a turn besides its messages.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// The place of the model's answer in [`Episode::messages`]; its tool results follow it.
    pub message: usize,
    /// What the worker measured.
    pub meter: Meter,
    /// Check of request and world.
    pub check: [u8; 16],
}

/// How an episode ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finish {
    /// By what.
    pub kind: FinishKind,
    /// Hash of the final world.
    pub world: [u8; 32],
    /// Hash over all turns as encoded.
    pub transcript: [u8; 32],
}

/// What ended an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FinishKind {
    /// The model called the end-task tool.
    EndTask,
    /// A turn without a tool call.
    NoToolCall,
    /// A limit was reached.
    Limit(LimitKind),
    /// The provider declined to answer.
    Refused,
}

/// Which limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LimitKind {
    /// Model calls.
    ModelCalls,
    /// Tokens in and out, over the episode.
    TotalTokens,
    /// The model was cut off at the output tokens of one call, before it called a tool.
    OutputTokens,
    /// Bytes of the transcript.
    TranscriptBytes,
}

/// Why an answer can't be fed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// The episode is over.
    #[error("the episode is over; no call was asked for")]
    Finished,
}

/// Why an episode can't go on from stored turns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError {
    /// A turn replays to another request or world than it was stored with.
    #[error("turn {turn} replays to another state than it was stored with")]
    Mismatch {
        /// Its place, from 0.
        turn: usize,
    },
    /// A turn can't be read.
    #[error("turn {turn} is damaged: {what}")]
    Damaged {
        /// Its place, from 0.
        turn: usize,
        /// What is wrong with it.
        what: String,
    },
    /// The turns were made by another semantics version.
    #[error("the turns are of semantics version {found}")]
    OtherSemantics {
        /// Which.
        found: u32,
    },
    /// More turns follow after the episode's end.
    #[error("turn {turn} follows after the episode's end")]
    AfterTheEnd {
        /// Its place, from 0.
        turn: usize,
    },
}

impl Episode {
    /// Begins a job.
    #[must_use]
    pub fn begin(plan: Arc<JobPlan>) -> Self {
        unimplemented!()
    }
    /// Goes on from stored turns.
    ///
    /// # Errors
    /// If the turns are damaged, of another version, or replay to another state.
    pub fn resume(plan: Arc<JobPlan>, turns: &[Bytes]) -> Result<Self, ResumeError> {
        unimplemented!()
    }
    /// What is wanted next.
    #[must_use]
    pub fn next(&self) -> Step<'_> {
        unimplemented!()
    }
    /// Takes the answer to the call that was asked for, runs its tool calls, and returns the turn as it is to be stored.
    ///
    /// # Errors
    /// If the episode is over.
    pub fn feed(&mut self, reply: Reply, meter: Meter) -> Result<Bytes, FeedError> {
        unimplemented!()
    }
    /// The job.
    #[must_use]
    pub fn plan(&self) -> &Arc<JobPlan> {
        &self.plan
    }
    /// The world as it is now.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }
    /// The conversation so far.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }
    /// The turns so far.
    #[must_use]
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }
    /// How it ended, if it has.
    #[must_use]
    pub fn finish(&self) -> Option<&Finish> {
        self.finish.as_ref()
    }
    /// The end as it is to be stored, once it has ended.
    #[must_use]
    pub fn end(&self) -> Option<Bytes> {
        unimplemented!()
    }
}

impl FinishKind {
    pub(crate) fn code(self) -> u32 {
        match self {
            Self::EndTask => 1,
            Self::NoToolCall => 2,
            Self::Refused => 3,
            Self::Limit(LimitKind::ModelCalls) => 4,
            Self::Limit(LimitKind::TotalTokens) => 5,
            Self::Limit(LimitKind::OutputTokens) => 6,
            Self::Limit(LimitKind::TranscriptBytes) => 7,
        }
    }

    /// The kind that an [`crate::EndRecord`] names.
    #[must_use]
    pub fn from_code(code: u32) -> Option<Self> {
        Some(match code {
            1 => Self::EndTask,
            2 => Self::NoToolCall,
            3 => Self::Refused,
            4 => Self::Limit(LimitKind::ModelCalls),
            5 => Self::Limit(LimitKind::TotalTokens),
            6 => Self::Limit(LimitKind::OutputTokens),
            7 => Self::Limit(LimitKind::TranscriptBytes),
            _ => return None,
        })
    }
}
