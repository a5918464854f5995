//! The turn loop, as a state machine that does no IO: it says which call it wants made, and is fed the answer.
//!
//! A run ends when the model calls the end-task tool, in the first turn without a tool call, when the provider refuses,
//! or at a limit. Whatever a model writes is data: mistakes in its tool calls are shown to it as the tools' answers.

use std::sync::Arc;

use bytes::Bytes;

use crate::SEMANTICS;
use crate::call::{Call, Message, Meter, Reply, StopReason, ToolCall, ToolResult};
use crate::digest::{Digest, Hasher, Parts};
use crate::job::JobPlan;
use crate::record::{EndRecord, TurnRecord, decode_turn, encode_end, encode_turn};
use crate::world::{Answer, World};

/// Tool calls of one turn that are carried out. Real models ask for a handful; the others are answered with an error.
const CALLS_PER_TURN_MAX: usize = 64;
/// Bytes that the tools answer in one turn, after which calls are answered with an error. Sixteen of the drive's largest
/// files.
const ANSWER_BYTES_PER_TURN_MAX: usize = 4 << 20;
/// Bytes of a whole conversation. The longest of the published study had half a million characters; a thousand episodes
/// at once must fit into a worker.
const TRANSCRIPT_BYTES_MAX: usize = 32 << 20;

/// A job's execution.
#[derive(Debug)]
pub struct Episode {
    plan: Arc<JobPlan>,
    world: World,
    messages: Vec<Message>,
    turns: Vec<Turn>,
    finish: Option<Finish>,
    /// Over all of the next request: each message goes in once.
    request: Hasher,
    /// Over all turns as encoded.
    transcript: Hasher,
    tokens: u64,
    bytes: usize,
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

// === impl Episode ===

impl Episode {
    /// Begins a job.
    #[must_use]
    pub fn begin(plan: Arc<JobPlan>) -> Self {
        let messages =
            vec![Message::System(Arc::clone(plan.system())), Message::User(Arc::clone(plan.user()))];
        Self {
            world: plan.world0().clone(),
            messages,
            turns: Vec::new(),
            finish: None,
            request: plan.first_request(),
            transcript: Hasher::new("muster transcript"),
            tokens: 0,
            bytes: plan.system().len() + plan.user().len(),
            plan,
        }
    }

    /// Goes on from stored turns: they are run again in a fresh world, and the check of each must come out the same.
    ///
    /// # Errors
    /// If the turns are damaged, of another semantics version, or replay to another state.
    pub fn resume(plan: Arc<JobPlan>, turns: &[Bytes]) -> Result<Self, ResumeError> {
        Self::rerun(plan, turns).map(|(episode, _)| episode)
    }

    /// Runs stored turns again; also says whether they came out as the very bytes that were stored.
    pub(crate) fn rerun(plan: Arc<JobPlan>, turns: &[Bytes]) -> Result<(Self, bool), ResumeError> {
        let mut episode = Self::begin(plan);
        let mut same_bytes = true;
        for (turn, stored) in turns.iter().enumerate() {
            let record = decode_turn(stored)
                .map_err(|error| ResumeError::Damaged { turn, what: error.to_string() })?;
            if turn == 0 && record.semantics != SEMANTICS {
                return Err(ResumeError::OtherSemantics { found: record.semantics });
            }
            let again = episode
                .feed(record.reply(), record.meter.meter())
                .map_err(|FeedError::Finished| ResumeError::AfterTheEnd { turn })?;
            if episode.turns.last().is_none_or(|last| last.check[..] != record.check[..]) {
                return Err(ResumeError::Mismatch { turn });
            }
            same_bytes &= again == *stored;
        }
        Ok((episode, same_bytes))
    }

    /// What is wanted next.
    #[must_use]
    pub fn next(&self) -> Step<'_> {
        match &self.finish {
            Some(finish) => Step::Finished(finish),
            None => Step::Call(Call {
                messages: &self.messages,
                tools: self.plan.tools(),
                sampling: self.plan.sampling(),
                seed: self.plan.provider_seed(),
            }),
        }
    }

    /// Takes the answer to the call that was asked for, carries out its tool calls, and returns the turn as it is to be
    /// stored.
    ///
    /// # Errors
    /// If the episode is over.
    pub fn feed(&mut self, reply: Reply, meter: Meter) -> Result<Bytes, FeedError> {
        if self.finish.is_some() {
            return Err(FeedError::Finished);
        }
        let answered = self.request.digest();
        let (stop, has_calls) = (reply.stop, !reply.tool_calls.is_empty());
        let message = self.say(reply);
        if stop != StopReason::Refusal {
            self.call_tools(message);
        }
        let world = self.world.hash();
        let check = check(&answered, &world);
        let body = self.record(message, meter, check);
        self.turns.push(Turn { message, meter, check });
        if let Some(kind) = self.finish_kind(stop, has_calls) {
            self.finish = Some(Finish { kind, world, transcript: self.transcript.digest() });
        }
        Ok(body)
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

    /// The end as it is to be stored (an [`EndRecord`]), once it has ended.
    #[must_use]
    pub fn end(&self) -> Option<Bytes> {
        let finish = self.finish.as_ref()?;
        Some(encode_end(&EndRecord {
            semantics: SEMANTICS,
            identity: Bytes::copy_from_slice(&self.plan.identity()),
            finish: finish.kind.code(),
            world: Bytes::copy_from_slice(&finish.world),
            transcript: Bytes::copy_from_slice(&finish.transcript),
            // Far below: an episode has at most 1,000 model calls.
            turns: self.turns.len() as u32,
        }))
    }

    /// Takes the model's answer into the conversation; its place there.
    fn say(&mut self, reply: Reply) -> usize {
        self.tokens = self.tokens.saturating_add(reply.tokens.input).saturating_add(reply.tokens.output);
        self.bytes += reply_bytes(&reply);
        hash_reply(&mut self.request, &reply);
        self.messages.push(Message::Assistant(reply));
        self.messages.len() - 1
    }

    /// Carries out the tool calls of an answer and takes the tools' answers into the conversation.
    fn call_tools(&mut self, message: usize) {
        let mut answer_bytes = 0;
        for index in 0.. {
            let Message::Assistant(reply) = &self.messages[message] else { break };
            let Some(call) = reply.tool_calls.get(index) else { break };
            let answer = match refusal(index, answer_bytes) {
                Some(what) => Answer::error(what),
                None => self.world.call(&call.name, &call.arguments),
            };
            let result = tool_result(call, answer);
            answer_bytes += result.content.len();
            self.bytes += result.content.len() + result.call_id.len() + result.name.len();
            hash_result(&mut self.request, &result);
            self.messages.push(Message::Tool(result));
        }
    }

    /// The turn as it is to be stored.
    fn record(&mut self, message: usize, meter: Meter, check: [u8; 16]) -> Bytes {
        let semantics = if self.turns.is_empty() { SEMANTICS } else { 0 };
        let body = match &self.messages[message] {
            Message::Assistant(reply) => encode_turn(&TurnRecord::new(reply, meter, check, semantics)),
            // `message` is the place that `say` put the answer at.
            _ => Bytes::new(),
        };
        self.transcript.bytes(&body);
        body
    }

    /// Whether the episode is over after a turn, and by what.
    fn finish_kind(&self, stop: StopReason, has_calls: bool) -> Option<FinishKind> {
        let limits = self.plan.limits();
        if stop == StopReason::Refusal {
            Some(FinishKind::Refused)
        } else if self.world.ended() {
            Some(FinishKind::EndTask)
        } else if !has_calls && stop == StopReason::Length {
            Some(FinishKind::Limit(LimitKind::OutputTokens))
        } else if !has_calls {
            Some(FinishKind::NoToolCall)
        } else if self.turns.len() >= limits.model_calls as usize {
            Some(FinishKind::Limit(LimitKind::ModelCalls))
        } else if limits.total_tokens.is_some_and(|limit| self.tokens >= limit) {
            Some(FinishKind::Limit(LimitKind::TotalTokens))
        } else if self.bytes >= TRANSCRIPT_BYTES_MAX {
            Some(FinishKind::Limit(LimitKind::TranscriptBytes))
        } else {
            None
        }
    }
}

/// Why a tool call is not carried out, if it is not.
fn refusal(index: usize, answer_bytes: usize) -> Option<&'static str> {
    if index >= CALLS_PER_TURN_MAX {
        return Some("too many tool calls in one turn; at most 64 are carried out");
    }
    (answer_bytes >= ANSWER_BYTES_PER_TURN_MAX)
        .then_some("the tools have answered too much in this turn; call again")
}

fn tool_result(call: &ToolCall, answer: Answer) -> ToolResult {
    let Answer { content, is_error } = answer;
    ToolResult { call_id: call.id.clone(), name: call.name.clone(), content, is_error }
}

/// The first 16 bytes of the hash over a request and the world after it was answered.
fn check(request: &Digest, world: &Digest) -> [u8; 16] {
    let digest = Parts::new("muster check").bytes(request).bytes(world).digest();
    let mut check = [0; 16];
    check.copy_from_slice(&digest[..16]);
    check
}

fn hash_reply(hasher: &mut Hasher, reply: &Reply) {
    hasher.text("assistant").bytes(&reply.raw).text(&reply.dialect).text(&reply.text).text(&reply.reasoning);
    hasher.number(reply.tool_calls.len() as u64);
    for call in &reply.tool_calls {
        hasher.text(&call.id).text(&call.name).text(&call.arguments);
    }
}

fn hash_result(hasher: &mut Hasher, result: &ToolResult) {
    hasher.text("tool").text(&result.call_id).text(&result.name).text(&result.content);
    hasher.number(u64::from(result.is_error));
}

fn reply_bytes(reply: &Reply) -> usize {
    let calls: usize =
        reply.tool_calls.iter().map(|call| call.id.len() + call.name.len() + call.arguments.len()).sum();
    reply.raw.len() + reply.text.len() + reply.reasoning.len() + calls
}

// === impl FinishKind ===

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
