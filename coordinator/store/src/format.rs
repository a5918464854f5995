//! The on-disk format: what each record's payload is. Tags are for ever; a field is added, never changed.
//!
//! A journal is two streams of segments, `facts-NNNN.log` and `turns-NNNN.log`. A segment is a sequence of frames (see `frame`);
//! a frame's payload is one of the messages below, by its kind:
//!
//! | kind | payload |
//! |---|---|
//! | header | [`HeaderRow`]: the first frame of every segment |
//! | fact | [`FactRow`] |
//! | turn | length of a [`TurnHead`] as a varint, the head, the packed body |
//! | merged | length of a [`MergedHead`] as a varint, the head, the packed bodies, one after the other |
//! | dictionary | bytes of a zstd dictionary, used by turns of the same segment that name its offset; written twice in a row |
//! | closed | nothing: an orderly end. It shows that all before it was durable |

use std::sync::Arc;

use bytes::Bytes;
use muster_core::{
    Attempt, Fact, FailureClass, Generation, GenerationRun, JobKey, Lane, LaneSnapshot, LaneSpec, LeaseKey,
    Millis, OpenJob, Ordinal, Outcome, Place as JobPlace, Quota, RetryPolicy, ReturnCause, Scope,
    ScoreRecord, Snapshot, SweepId, SweepSnapshot, SweepSpec, Term, TurnIndex, Usage, WorkerId,
};
use prost::{Message, Oneof};

use crate::limits::{
    BudgetRow, CappedRow, DayRow, HeldRow, HoldRow, PurseRow, QuotaRow, RetunedRow, SettledCallRow,
    SettledRow, SilencedRow,
};

/// The first frame of a segment.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct HeaderRow {
    /// The final length of the segment before this one in its stream; 0 for the first.
    #[prost(uint64, tag = "1")]
    pub(crate) previous_bytes: u64,
}

/// `LeaseKey`.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct LeaseRow {
    #[prost(uint64, tag = "1")]
    pub(crate) sweep: u64,
    #[prost(uint32, tag = "2")]
    pub(crate) lane: u32,
    #[prost(uint64, tag = "3")]
    pub(crate) ordinal: u64,
    #[prost(uint32, tag = "4")]
    pub(crate) generation: u32,
    #[prost(uint32, tag = "5")]
    pub(crate) attempt: u32,
}

/// `Usage`.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct UsageRow {
    #[prost(uint64, tag = "1")]
    pub(crate) model_calls: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) retries: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) rate_limited: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) paid_twice: u64,
    #[prost(uint64, tag = "5")]
    pub(crate) input_tokens: u64,
    #[prost(uint64, tag = "6")]
    pub(crate) output_tokens: u64,
    #[prost(uint64, tag = "7")]
    pub(crate) cost_micro_usd: u64,
    #[prost(uint64, tag = "8")]
    pub(crate) unpriced_calls: u64,
    #[prost(uint64, tag = "9")]
    pub(crate) lost_micro_usd: u64,
}

/// A turn but for its body.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TurnHead {
    #[prost(message, required, tag = "1")]
    pub(crate) lease: LeaseRow,
    #[prost(uint32, tag = "2")]
    pub(crate) index: u32,
    /// Facts in the journal before this turn: the two streams are interleaved by it.
    #[prost(uint64, tag = "3")]
    pub(crate) facts_before: u64,
    #[prost(message, required, tag = "4")]
    pub(crate) usage: UsageRow,
    #[prost(message, required, tag = "5")]
    pub(crate) packing: PackingRow,
}

/// How bytes were packed.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct PackingRow {
    /// Length before packing; 0 if the bytes stand as they are.
    #[prost(uint64, tag = "1")]
    pub(crate) raw_len: u64,
    /// The version of the built-in dictionary that was used, if one was.
    #[prost(uint32, tag = "2")]
    pub(crate) builtin: u32,
    /// The offset in this segment of the learned dictionary that was used, if one was.
    #[prost(uint64, tag = "3")]
    pub(crate) learned_at: u64,
}

/// All turns of a finished episode, as `compact` leaves them.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct MergedHead {
    /// The lease of the last turn.
    #[prost(message, required, tag = "1")]
    pub(crate) lease: LeaseRow,
    #[prost(message, repeated, tag = "2")]
    pub(crate) turns: Vec<MergedTurnRow>,
    #[prost(message, required, tag = "3")]
    pub(crate) packing: PackingRow,
}

/// One turn of a merged record.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct MergedTurnRow {
    #[prost(uint32, tag = "1")]
    pub(crate) attempt: u32,
    #[prost(message, required, tag = "2")]
    pub(crate) usage: UsageRow,
    /// Length of its body.
    #[prost(uint64, tag = "3")]
    pub(crate) body_len: u64,
}

/// A `Fact`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FactRow {
    #[prost(
        oneof = "FactKind",
        tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 22, 23"
    )]
    pub(crate) kind: Option<FactKind>,
    /// Facts in the journal before this one: so it shows when some are missing.
    #[prost(uint64, tag = "17")]
    pub(crate) facts_before: u64,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum FactKind {
    #[prost(message, tag = "1")]
    Granted(GrantRow),
    #[prost(message, tag = "2")]
    Ended(EndedRow),
    #[prost(message, tag = "3")]
    Returned(ReturnedRow),
    #[prost(message, tag = "4")]
    Wasted(WastedRow),
    #[prost(message, tag = "5")]
    Restarted(LeaseRow),
    #[prost(message, tag = "6")]
    Reinstated(GrantRow),
    #[prost(message, tag = "7")]
    Scored(ScoredRow),
    #[prost(uint64, tag = "8")]
    TermBegan(u64),
    #[prost(message, tag = "9")]
    Submitted(SubmittedRow),
    #[prost(message, tag = "10")]
    Amended(AmendedRow),
    #[prost(uint64, tag = "11")]
    Paused(u64),
    #[prost(uint64, tag = "12")]
    Resumed(u64),
    #[prost(uint64, tag = "13")]
    Cancelled(u64),
    #[prost(message, tag = "14")]
    Reopened(ReopenedRow),
    #[prost(message, tag = "15")]
    LaneStopped(LaneStoppedRow),
    #[prost(uint64, tag = "16")]
    Removed(u64),
    #[prost(message, tag = "18")]
    Retuned(RetunedRow),
    #[prost(message, tag = "19")]
    Capped(CappedRow),
    #[prost(message, tag = "20")]
    Held(HeldRow),
    #[prost(message, tag = "21")]
    Settled(SettledRow),
    #[prost(message, tag = "22")]
    DayTaken(DayRow),
    #[prost(message, tag = "23")]
    Silenced(SilencedRow),
}

/// `Fact::Granted`, `Fact::Reinstated`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct GrantRow {
    #[prost(message, required, tag = "1")]
    pub(crate) lease: LeaseRow,
    #[prost(fixed64, tag = "2")]
    pub(crate) worker: u64,
}

/// `Fact::Ended`, and where its turns are, so that facts alone rebuild the index.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct EndedRow {
    #[prost(message, required, tag = "1")]
    pub(crate) lease: LeaseRow,
    /// See `outcome_number`.
    #[prost(uint32, tag = "2")]
    pub(crate) outcome: u32,
    #[prost(uint32, tag = "3")]
    pub(crate) turns: u32,
    #[prost(message, required, tag = "4")]
    pub(crate) usage: UsageRow,
    #[prost(uint64, tag = "5")]
    pub(crate) at_ms: u64,
    #[prost(bytes = "bytes", tag = "6")]
    pub(crate) detail: Bytes,
    /// See `place::pack`. One place for each turn, or one place of a merged record for all.
    #[prost(uint64, repeated, tag = "7")]
    pub(crate) places: Vec<u64>,
    /// Whether `places` is that of a merged record.
    #[prost(bool, tag = "8")]
    pub(crate) merged: bool,
}

/// `Fact::Returned`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ReturnedRow {
    #[prost(message, required, tag = "1")]
    pub(crate) lease: LeaseRow,
    /// 1 expired, 2 disowned, 3 suspected, 16 + class: failed, 64 + class: stalled. See `class_number`.
    #[prost(uint32, tag = "2")]
    pub(crate) cause: u32,
    #[prost(uint64, tag = "3")]
    pub(crate) not_before_ms: u64,
    #[prost(message, required, tag = "4")]
    pub(crate) usage: UsageRow,
}

/// `Fact::Wasted`. The lease's generation and attempt are 0.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct WastedRow {
    #[prost(message, required, tag = "1")]
    pub(crate) job: LeaseRow,
    #[prost(message, required, tag = "2")]
    pub(crate) usage: UsageRow,
}

/// `Fact::Scored`. The lease's attempt is 0.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ScoredRow {
    #[prost(message, required, tag = "1")]
    pub(crate) episode: LeaseRow,
    #[prost(string, tag = "2")]
    pub(crate) scorer: String,
    #[prost(string, tag = "3")]
    pub(crate) version: String,
    #[prost(bytes = "bytes", tag = "4")]
    pub(crate) verdict: Bytes,
}

/// `Fact::Submitted`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SubmittedRow {
    #[prost(uint64, tag = "1")]
    pub(crate) sweep: u64,
    #[prost(message, required, tag = "2")]
    pub(crate) spec: SpecRow,
    #[prost(uint64, tag = "3")]
    pub(crate) at_ms: u64,
}

/// `SweepSpec`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SpecRow {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) content: Bytes,
    #[prost(string, tag = "2")]
    pub(crate) project: String,
    #[prost(string, tag = "3")]
    pub(crate) name: String,
    #[prost(uint32, tag = "4")]
    pub(crate) weight: u32,
    #[prost(uint32, tag = "5")]
    pub(crate) variants: u32,
    #[prost(uint32, tag = "6")]
    pub(crate) seeds: u32,
    #[prost(uint64, optional, tag = "7")]
    pub(crate) limit: Option<u64>,
    #[prost(message, repeated, tag = "8")]
    pub(crate) lanes: Vec<LaneSpecRow>,
    #[prost(message, required, tag = "9")]
    pub(crate) retry: RetryRow,
    #[prost(bytes = "bytes", tag = "10")]
    pub(crate) document: Bytes,
    #[prost(message, optional, tag = "11")]
    pub(crate) budget: Option<BudgetRow>,
}

/// `LaneSpec`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct LaneSpecRow {
    #[prost(string, tag = "1")]
    pub(crate) model: String,
    #[prost(string, tag = "2")]
    pub(crate) account: String,
    #[prost(string, tag = "3")]
    pub(crate) pool: String,
    #[prost(message, optional, tag = "4")]
    pub(crate) quota: Option<QuotaRow>,
    #[prost(message, optional, tag = "5")]
    pub(crate) budget: Option<BudgetRow>,
}

/// `RetryPolicy`.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct RetryRow {
    #[prost(uint32, tag = "1")]
    pub(crate) max_strikes: u32,
    #[prost(uint32, tag = "2")]
    pub(crate) max_deaths: u32,
    #[prost(uint64, tag = "3")]
    pub(crate) backoff_ms: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) backoff_max_ms: u64,
    /// None in what was written before there was such a bound: the default.
    #[prost(uint32, optional, tag = "5")]
    pub(crate) max_stalls: Option<u32>,
}

/// `Fact::Amended`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct AmendedRow {
    #[prost(uint64, tag = "1")]
    pub(crate) sweep: u64,
    #[prost(message, required, tag = "2")]
    pub(crate) spec: SpecRow,
}

/// The turns of a job without an outcome.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ChainRow {
    /// The job and its generation; the attempt is 0.
    #[prost(message, required, tag = "1")]
    pub(crate) job: LeaseRow,
    /// See `place::pack`.
    #[prost(uint64, repeated, tag = "2")]
    pub(crate) places: Vec<u64>,
}

/// `Fact::Reopened`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ReopenedRow {
    #[prost(uint64, tag = "1")]
    pub(crate) sweep: u64,
    #[prost(uint32, tag = "2")]
    pub(crate) generation: u32,
}

/// `Fact::LaneStopped`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct LaneStoppedRow {
    #[prost(uint64, tag = "1")]
    pub(crate) sweep: u64,
    #[prost(uint32, tag = "2")]
    pub(crate) lane: u32,
    #[prost(string, tag = "3")]
    pub(crate) reason: String,
}

/// A snapshot file's content: the core's state, and where in the journal it was taken.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SnapshotRow {
    /// Facts before it.
    #[prost(uint64, tag = "1")]
    pub(crate) facts: u64,
    #[prost(message, required, tag = "2")]
    pub(crate) facts_at: PlaceRow,
    #[prost(message, required, tag = "3")]
    pub(crate) turns_at: PlaceRow,
    /// The offset, in the segment of `turns_at`, of the learned dictionary in use; 0 if none.
    #[prost(uint64, tag = "4")]
    pub(crate) learned_at: u64,
    /// The open jobs' turns.
    #[prost(message, repeated, tag = "5")]
    pub(crate) chains: Vec<ChainRow>,
    #[prost(uint64, tag = "6")]
    pub(crate) term: u64,
    #[prost(uint64, tag = "7")]
    pub(crate) last_sweep: u64,
    #[prost(message, repeated, tag = "8")]
    pub(crate) sweeps: Vec<SweepRow>,
    /// Quotas set by hand.
    #[prost(message, repeated, tag = "9")]
    pub(crate) quotas: Vec<RetunedRow>,
    #[prost(message, repeated, tag = "10")]
    pub(crate) purses: Vec<PurseRow>,
    #[prost(message, repeated, tag = "11")]
    pub(crate) holds: Vec<HoldRow>,
    #[prost(message, repeated, tag = "12")]
    pub(crate) days: Vec<DayRow>,
    #[prost(message, repeated, tag = "13")]
    pub(crate) silences: Vec<SilencedRow>,
}

/// The end of a stream.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct PlaceRow {
    #[prost(uint32, tag = "1")]
    pub(crate) segment: u32,
    #[prost(uint32, tag = "2")]
    pub(crate) offset: u32,
}

/// `SweepSnapshot`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SweepRow {
    #[prost(uint64, tag = "1")]
    pub(crate) id: u64,
    #[prost(message, required, tag = "2")]
    pub(crate) spec: SpecRow,
    #[prost(uint64, tag = "3")]
    pub(crate) submitted_at_ms: u64,
    #[prost(bool, tag = "4")]
    pub(crate) paused: bool,
    #[prost(bool, tag = "5")]
    pub(crate) cancelled: bool,
    #[prost(uint32, tag = "6")]
    pub(crate) generation: u32,
    #[prost(message, repeated, tag = "7")]
    pub(crate) lanes: Vec<LaneRow>,
}

/// `LaneSnapshot`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct LaneRow {
    #[prost(uint64, tag = "1")]
    pub(crate) next: u64,
    #[prost(string, optional, tag = "2")]
    pub(crate) stopped: Option<String>,
    #[prost(bytes = "bytes", tag = "3")]
    pub(crate) ended: Bytes,
    #[prost(message, required, tag = "4")]
    pub(crate) usage: UsageRow,
    #[prost(message, repeated, tag = "5")]
    pub(crate) open: Vec<OpenRow>,
    #[prost(message, repeated, tag = "6")]
    pub(crate) generations: Vec<GenerationRunRow>,
}

/// `GenerationRun`.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct GenerationRunRow {
    #[prost(uint64, tag = "1")]
    pub(crate) first: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) last: u64,
    #[prost(uint32, tag = "3")]
    pub(crate) generation: u32,
}

/// `OpenJob`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct OpenRow {
    #[prost(uint64, tag = "1")]
    pub(crate) ordinal: u64,
    #[prost(uint32, tag = "2")]
    pub(crate) generation: u32,
    #[prost(uint32, tag = "3")]
    pub(crate) attempt: u32,
    #[prost(uint32, tag = "4")]
    pub(crate) turns: u32,
    #[prost(uint32, tag = "5")]
    pub(crate) turns_at_grant: u32,
    #[prost(uint32, tag = "6")]
    pub(crate) strikes: u32,
    #[prost(uint32, tag = "7")]
    pub(crate) deaths: u32,
    #[prost(message, required, tag = "8")]
    pub(crate) usage: UsageRow,
    #[prost(oneof = "JobPlaceRow", tags = "9, 10")]
    pub(crate) place: Option<JobPlaceRow>,
    #[prost(bool, tag = "11")]
    pub(crate) over: bool,
    #[prost(uint32, tag = "12")]
    pub(crate) stalls: u32,
}

/// `Place`; none is `Pending`.
#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum JobPlaceRow {
    #[prost(fixed64, tag = "9")]
    Leased(u64),
    #[prost(uint64, tag = "10")]
    Backoff(u64),
}

/// A number on disk that has no meaning: damage that the checksum did not see, or a newer release's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} {number} means nothing to this release")]
pub(crate) struct Unknown {
    pub(crate) what: &'static str,
    pub(crate) number: u64,
}

pub(crate) type Read<T> = Result<T, Unknown>;

// === impl LeaseRow ===

impl From<LeaseKey> for LeaseRow {
    fn from(lease: LeaseKey) -> Self {
        Self { attempt: lease.attempt.0, ..Self::of_job(lease.job, lease.generation) }
    }
}

impl LeaseRow {
    pub(crate) fn of_job(job: JobKey, generation: Generation) -> Self {
        Self {
            sweep: job.sweep.0,
            lane: job.lane.0,
            ordinal: job.ordinal.0,
            generation: generation.0,
            attempt: 0,
        }
    }

    pub(crate) fn key(&self) -> LeaseKey {
        LeaseKey { job: self.job(), generation: Generation(self.generation), attempt: Attempt(self.attempt) }
    }

    pub(crate) fn job(&self) -> JobKey {
        JobKey { sweep: SweepId(self.sweep), lane: Lane(self.lane), ordinal: Ordinal(self.ordinal) }
    }
}

// === impl UsageRow ===

impl From<&Usage> for UsageRow {
    fn from(usage: &Usage) -> Self {
        Self {
            model_calls: usage.model_calls,
            retries: usage.retries,
            rate_limited: usage.rate_limited,
            paid_twice: usage.paid_twice,
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cost_micro_usd: usage.cost_micro_usd,
            unpriced_calls: usage.unpriced_calls,
            lost_micro_usd: usage.lost_micro_usd,
        }
    }
}

impl From<&UsageRow> for Usage {
    fn from(row: &UsageRow) -> Self {
        Self {
            model_calls: row.model_calls,
            retries: row.retries,
            rate_limited: row.rate_limited,
            paid_twice: row.paid_twice,
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            cost_micro_usd: row.cost_micro_usd,
            unpriced_calls: row.unpriced_calls,
            lost_micro_usd: row.lost_micro_usd,
        }
    }
}

// === impl FactRow ===

impl FactRow {
    /// The fact's row; where its turns are and how many facts came before are for the caller to fill in.
    pub(crate) fn new(fact: &Fact) -> Self {
        Self::of(FactKind::from(fact))
    }

    pub(crate) fn of(kind: FactKind) -> Self {
        Self { kind: Some(kind), facts_before: 0 }
    }

    /// The sweep that it is about, if it is about one.
    pub(crate) fn sweep(&self) -> Option<SweepId> {
        use FactKind as K;
        let sweep = match self.kind.as_ref()? {
            K::Granted(row) | K::Reinstated(row) => row.lease.sweep,
            K::Ended(row) => row.lease.sweep,
            K::Returned(row) => row.lease.sweep,
            K::Wasted(row) => row.job.sweep,
            K::Restarted(row) => row.sweep,
            K::Scored(row) => row.episode.sweep,
            K::TermBegan(_) | K::Retuned(_) | K::Capped(_) | K::Held(_) | K::Settled(_) => return None,
            K::DayTaken(_) | K::Silenced(_) => return None,
            K::Submitted(row) => row.sweep,
            K::Amended(row) => row.sweep,
            K::Paused(sweep) | K::Resumed(sweep) | K::Cancelled(sweep) | K::Removed(sweep) => *sweep,
            K::Reopened(row) => row.sweep,
            K::LaneStopped(row) => row.sweep,
        };
        Some(SweepId(sweep))
    }

    /// The fact.
    pub(crate) fn fact(self) -> Read<Fact> {
        let kind = self.kind.ok_or(Unknown { what: "a fact of a kind that", number: 0 })?;
        kind.fact()
    }
}

// === impl FactKind ===

impl From<&Fact> for FactKind {
    fn from(fact: &Fact) -> Self {
        match fact {
            Fact::TermBegan { term } => Self::TermBegan(term.0),
            Fact::Submitted { sweep, spec, at } => {
                Self::Submitted(SubmittedRow { sweep: sweep.0, spec: SpecRow::from(&**spec), at_ms: at.0 })
            }
            Fact::Amended { sweep, spec } => {
                Self::Amended(AmendedRow { sweep: sweep.0, spec: SpecRow::from(&**spec) })
            }
            Fact::Paused { sweep } => Self::Paused(sweep.0),
            Fact::Resumed { sweep } => Self::Resumed(sweep.0),
            Fact::Cancelled { sweep } => Self::Cancelled(sweep.0),
            Fact::Reopened { sweep, generation } => {
                Self::Reopened(ReopenedRow { sweep: sweep.0, generation: generation.0 })
            }
            Fact::LaneStopped { sweep, lane, reason } => {
                Self::LaneStopped(LaneStoppedRow { sweep: sweep.0, lane: lane.0, reason: reason.to_string() })
            }
            Fact::Granted { lease, worker } => Self::Granted(GrantRow::new(*lease, *worker)),
            Fact::Reinstated { lease, worker } => Self::Reinstated(GrantRow::new(*lease, *worker)),
            Fact::Returned { lease, cause, not_before, usage } => Self::Returned(ReturnedRow {
                lease: (*lease).into(),
                cause: cause_number(*cause),
                not_before_ms: not_before.0,
                usage: usage.into(),
            }),
            Fact::Restarted { lease } => Self::Restarted((*lease).into()),
            Fact::Ended { lease, outcome, turns, usage, at, detail } => Self::Ended(EndedRow {
                lease: (*lease).into(),
                outcome: outcome_number(*outcome),
                turns: turns.0,
                usage: usage.into(),
                at_ms: at.0,
                detail: detail.clone(),
                places: Vec::new(),
                merged: false,
            }),
            Fact::Wasted { job, usage } => {
                Self::Wasted(WastedRow { job: LeaseRow::of_job(*job, Generation(0)), usage: usage.into() })
            }
            Fact::Scored(score) => Self::Scored(ScoredRow {
                episode: LeaseRow::of_job(score.job, score.generation),
                scorer: score.scorer.to_string(),
                version: score.version.to_string(),
                verdict: score.verdict.clone(),
            }),
            Fact::Removed { sweep } => Self::Removed(sweep.0),
            Fact::Retuned { scope, quota } => Self::Retuned(RetunedRow::new(scope, quota.as_ref())),
            Fact::Capped { purse, span, budget, already } => {
                Self::Capped(CappedRow::new(purse, *span, budget, already))
            }
            Fact::Held { holds } => Self::Held(HeldRow { holds: holds.iter().map(HoldRow::from).collect() }),
            Fact::Settled { worker, calls, at } => Self::Settled(SettledRow {
                worker: worker.0,
                calls: calls.iter().map(|(call, charged)| SettledCallRow::new(*call, charged)).collect(),
                at_ms: at.0,
            }),
            Fact::DayTaken { scope, day, requests } => Self::DayTaken(DayRow::new(scope, *day, *requests)),
            Fact::Silenced { scope, until, at } => Self::Silenced(SilencedRow::new(scope, *until, *at)),
        }
    }
}

impl FactKind {
    fn fact(self) -> Read<Fact> {
        Ok(match self {
            Self::TermBegan(term) => Fact::TermBegan { term: Term(term) },
            Self::Submitted(row) => Fact::Submitted {
                sweep: SweepId(row.sweep),
                spec: Arc::new(row.spec.spec()?),
                at: Millis(row.at_ms),
            },
            Self::Amended(row) => {
                Fact::Amended { sweep: SweepId(row.sweep), spec: Arc::new(row.spec.spec()?) }
            }
            Self::Paused(sweep) => Fact::Paused { sweep: SweepId(sweep) },
            Self::Resumed(sweep) => Fact::Resumed { sweep: SweepId(sweep) },
            Self::Cancelled(sweep) => Fact::Cancelled { sweep: SweepId(sweep) },
            Self::Reopened(row) => {
                Fact::Reopened { sweep: SweepId(row.sweep), generation: Generation(row.generation) }
            }
            Self::LaneStopped(row) => Fact::LaneStopped {
                sweep: SweepId(row.sweep),
                lane: Lane(row.lane),
                reason: row.reason.into(),
            },
            Self::Granted(row) => Fact::Granted { lease: row.lease.key(), worker: WorkerId(row.worker) },
            Self::Reinstated(row) => {
                Fact::Reinstated { lease: row.lease.key(), worker: WorkerId(row.worker) }
            }
            Self::Returned(row) => Fact::Returned {
                lease: row.lease.key(),
                cause: read_cause(row.cause)?,
                not_before: Millis(row.not_before_ms),
                usage: Usage::from(&row.usage),
            },
            Self::Restarted(row) => Fact::Restarted { lease: row.key() },
            Self::Ended(row) => row.fact()?,
            Self::Wasted(row) => Fact::Wasted { job: row.job.job(), usage: Usage::from(&row.usage) },
            Self::Scored(row) => Fact::Scored(Arc::new(row.score())),
            Self::Removed(sweep) => Fact::Removed { sweep: SweepId(sweep) },
            Self::Retuned(row) => {
                Fact::Retuned { scope: row.scope.scope(), quota: row.quota.map(QuotaRow::quota) }
            }
            Self::Capped(row) => row.fact()?,
            Self::Held(row) => Fact::Held { holds: row.holds.into_iter().map(HoldRow::hold).collect() },
            Self::Settled(row) => Fact::Settled {
                worker: WorkerId(row.worker),
                calls: row.calls.iter().map(SettledCallRow::call).collect(),
                at: Millis(row.at_ms),
            },
            Self::DayTaken(row) => {
                Fact::DayTaken { scope: row.scope.scope(), day: row.day, requests: row.requests }
            }
            Self::Silenced(row) => row.fact(),
        })
    }
}

impl GrantRow {
    fn new(lease: LeaseKey, worker: WorkerId) -> Self {
        Self { lease: lease.into(), worker: worker.0 }
    }
}

impl EndedRow {
    fn fact(self) -> Read<Fact> {
        Ok(Fact::Ended {
            lease: self.lease.key(),
            outcome: self.outcome()?,
            turns: TurnIndex(self.turns),
            usage: Usage::from(&self.usage),
            at: Millis(self.at_ms),
            detail: self.detail,
        })
    }

    pub(crate) fn outcome(&self) -> Read<Outcome> {
        read_outcome(self.outcome)
    }
}

impl ScoredRow {
    pub(crate) fn score(self) -> ScoreRecord {
        ScoreRecord {
            job: self.episode.job(),
            generation: Generation(self.episode.generation),
            scorer: self.scorer.into(),
            version: self.version.into(),
            verdict: self.verdict,
        }
    }
}

// === impl SpecRow ===

impl From<&SweepSpec> for SpecRow {
    fn from(spec: &SweepSpec) -> Self {
        let lanes = spec.lanes.iter().map(|lane| LaneSpecRow {
            model: lane.model.to_string(),
            account: lane.scope.account.to_string(),
            pool: lane.scope.pool.to_string(),
            quota: (lane.quota != Quota::default()).then(|| QuotaRow::from(&lane.quota)),
            budget: BudgetRow::unless_unbounded(&lane.budget),
        });
        Self {
            content: Bytes::copy_from_slice(&spec.content),
            project: spec.project.to_string(),
            name: spec.name.to_string(),
            weight: spec.weight,
            variants: spec.variants,
            seeds: spec.seeds,
            limit: spec.limit,
            lanes: lanes.collect(),
            retry: RetryRow {
                max_strikes: spec.retry.max_strikes,
                max_deaths: spec.retry.max_deaths,
                backoff_ms: spec.retry.backoff_ms,
                backoff_max_ms: spec.retry.backoff_max_ms,
                max_stalls: Some(spec.retry.max_stalls),
            },
            document: spec.document.clone(),
            budget: BudgetRow::unless_unbounded(&spec.budget),
        }
    }
}

impl SpecRow {
    fn spec(self) -> Read<SweepSpec> {
        let length = self.content.len() as u64;
        let wrong = Unknown { what: "a content hash of length", number: length };
        let lanes = self.lanes.into_iter().map(LaneSpecRow::lane).collect::<Read<_>>()?;
        Ok(SweepSpec {
            content: self.content.as_ref().try_into().map_err(|_| wrong)?,
            project: self.project.into(),
            name: self.name.into(),
            weight: self.weight,
            variants: self.variants,
            seeds: self.seeds,
            limit: self.limit,
            lanes,
            retry: RetryPolicy {
                max_strikes: self.retry.max_strikes,
                max_deaths: self.retry.max_deaths,
                backoff_ms: self.retry.backoff_ms,
                backoff_max_ms: self.retry.backoff_max_ms,
                max_stalls: self.retry.max_stalls.unwrap_or(RetryPolicy::default().max_stalls),
            },
            budget: BudgetRow::budget_or_none(self.budget)?,
            document: self.document,
        })
    }
}

impl LaneSpecRow {
    fn lane(self) -> Read<LaneSpec> {
        Ok(LaneSpec {
            model: self.model.into(),
            scope: Scope { account: self.account.into(), pool: self.pool.into() },
            quota: self.quota.map_or_else(Quota::default, QuotaRow::quota),
            budget: BudgetRow::budget_or_none(self.budget)?,
        })
    }
}

// === impl SnapshotRow ===

impl SnapshotRow {
    /// The core's part; where in the journal it stands is for the caller to fill in.
    pub(crate) fn new(core: &Snapshot) -> Self {
        Self {
            term: core.term.0,
            last_sweep: core.last_sweep.0,
            sweeps: core.sweeps.iter().map(SweepRow::from).collect(),
            quotas: core.quotas.iter().map(|(scope, quota)| RetunedRow::new(scope, Some(quota))).collect(),
            purses: core.purses.iter().map(PurseRow::from).collect(),
            holds: core.holds.iter().map(HoldRow::from).collect(),
            days: core.days.iter().map(|day| DayRow::new(&day.scope, day.day, day.requests)).collect(),
            silences: core
                .silences
                .iter()
                .map(|(at, until)| SilencedRow::new(at, *until, Millis(0)))
                .collect(),
            ..Self::default()
        }
    }

    /// The core's part.
    pub(crate) fn core(self) -> Read<Snapshot> {
        Ok(Snapshot {
            term: Term(self.term),
            last_sweep: SweepId(self.last_sweep),
            sweeps: self.sweeps.into_iter().map(SweepRow::sweep).collect::<Read<_>>()?,
            quotas: self.quotas.into_iter().map(RetunedRow::known).collect(),
            purses: self.purses.into_iter().map(PurseRow::purse).collect::<Read<_>>()?,
            holds: self.holds.into_iter().map(HoldRow::hold).collect(),
            days: self.days.into_iter().map(DayRow::day).collect(),
            silences: self.silences.into_iter().map(SilencedRow::known).collect(),
        })
    }
}

impl From<&SweepSnapshot> for SweepRow {
    fn from(sweep: &SweepSnapshot) -> Self {
        Self {
            id: sweep.id.0,
            spec: SpecRow::from(&*sweep.spec),
            submitted_at_ms: sweep.submitted_at.0,
            paused: sweep.paused,
            cancelled: sweep.cancelled,
            generation: sweep.generation.0,
            lanes: sweep.lanes.iter().map(LaneRow::from).collect(),
        }
    }
}

impl SweepRow {
    fn sweep(self) -> Read<SweepSnapshot> {
        Ok(SweepSnapshot {
            id: SweepId(self.id),
            spec: Arc::new(self.spec.spec()?),
            submitted_at: Millis(self.submitted_at_ms),
            paused: self.paused,
            cancelled: self.cancelled,
            generation: Generation(self.generation),
            lanes: self.lanes.into_iter().map(LaneRow::lane).collect(),
        })
    }
}

impl From<&LaneSnapshot> for LaneRow {
    fn from(lane: &LaneSnapshot) -> Self {
        Self {
            next: lane.next,
            stopped: lane.stopped.as_deref().map(str::to_owned),
            ended: Bytes::copy_from_slice(&lane.ended),
            usage: (&lane.usage).into(),
            open: lane.open.iter().map(OpenRow::from).collect(),
            generations: lane.generations.iter().map(GenerationRunRow::from).collect(),
        }
    }
}

impl LaneRow {
    fn lane(self) -> LaneSnapshot {
        LaneSnapshot {
            next: self.next,
            stopped: self.stopped.map(Into::into),
            ended: self.ended.to_vec(),
            usage: Usage::from(&self.usage),
            open: self.open.iter().map(OpenRow::open).collect(),
            generations: self.generations.iter().map(GenerationRunRow::run).collect(),
        }
    }
}

impl From<&GenerationRun> for GenerationRunRow {
    fn from(run: &GenerationRun) -> Self {
        Self { first: run.first, last: run.last, generation: run.generation.0 }
    }
}

impl GenerationRunRow {
    fn run(&self) -> GenerationRun {
        GenerationRun { first: self.first, last: self.last, generation: Generation(self.generation) }
    }
}

impl From<&OpenJob> for OpenRow {
    fn from(job: &OpenJob) -> Self {
        Self {
            ordinal: job.ordinal.0,
            generation: job.generation.0,
            attempt: job.attempt.0,
            turns: job.turns.0,
            turns_at_grant: job.turns_at_grant.0,
            strikes: job.strikes,
            deaths: job.deaths,
            stalls: job.stalls,
            over: job.over,
            usage: (&job.usage).into(),
            place: match job.place {
                JobPlace::Pending => None,
                JobPlace::Leased(worker) => Some(JobPlaceRow::Leased(worker.0)),
                JobPlace::Backoff(until) => Some(JobPlaceRow::Backoff(until.0)),
            },
        }
    }
}

impl OpenRow {
    fn open(&self) -> OpenJob {
        OpenJob {
            ordinal: Ordinal(self.ordinal),
            generation: Generation(self.generation),
            attempt: Attempt(self.attempt),
            turns: TurnIndex(self.turns),
            turns_at_grant: TurnIndex(self.turns_at_grant),
            strikes: self.strikes,
            deaths: self.deaths,
            stalls: self.stalls,
            over: self.over,
            usage: Usage::from(&self.usage),
            place: match self.place {
                None => JobPlace::Pending,
                Some(JobPlaceRow::Leased(worker)) => JobPlace::Leased(WorkerId(worker)),
                Some(JobPlaceRow::Backoff(until)) => JobPlace::Backoff(Millis(until)),
            },
        }
    }
}

/// A failure's class as a number, for ever.
fn class_number(class: FailureClass) -> u32 {
    match class {
        FailureClass::Transient => 1,
        FailureClass::RateLimited => 2,
        FailureClass::Overloaded => 3,
        FailureClass::Preempted => 4,
        FailureClass::Config => 5,
        FailureClass::BadRequest => 6,
        FailureClass::Engine => 7,
        FailureClass::Quota => 8,
    }
}

fn read_class(number: u32) -> Read<FailureClass> {
    let found = FailureClass::ALL.into_iter().find(|class| class_number(*class) == number);
    found.ok_or(Unknown { what: "failure class", number: number.into() })
}

/// Numbers from here on are failures, by class.
const FAILED: u32 = 16;

/// Numbers from here on are failures for want of capacity that others did not share, by class.
const STALLED: u32 = 64;

/// An outcome as a number, for ever.
fn outcome_number(outcome: Outcome) -> u32 {
    match outcome {
        Outcome::Completed => 1,
        Outcome::Limit => 2,
        Outcome::Refused => 3,
        Outcome::Quarantined => 4,
        Outcome::Cancelled => 5,
        Outcome::Failed(class) => FAILED + class_number(class),
    }
}

fn read_outcome(number: u32) -> Read<Outcome> {
    Ok(match number {
        1 => Outcome::Completed,
        2 => Outcome::Limit,
        3 => Outcome::Refused,
        4 => Outcome::Quarantined,
        5 => Outcome::Cancelled,
        FAILED.. => Outcome::Failed(read_class(number - FAILED)?),
        _ => return Err(Unknown { what: "outcome", number: number.into() }),
    })
}

/// A lease's end as a number, for ever.
fn cause_number(cause: ReturnCause) -> u32 {
    match cause {
        ReturnCause::Expired => 1,
        ReturnCause::Disowned => 2,
        ReturnCause::Suspected => 3,
        ReturnCause::Failed(class) => FAILED + class_number(class),
        ReturnCause::Stalled(class) => STALLED + class_number(class),
    }
}

fn read_cause(number: u32) -> Read<ReturnCause> {
    Ok(match number {
        1 => ReturnCause::Expired,
        2 => ReturnCause::Disowned,
        3 => ReturnCause::Suspected,
        STALLED.. => ReturnCause::Stalled(read_class(number - STALLED)?),
        FAILED.. => ReturnCause::Failed(read_class(number - FAILED)?),
        _ => return Err(Unknown { what: "return cause", number: number.into() }),
    })
}
