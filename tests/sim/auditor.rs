//! The auditor: reads what becomes durable, knows nothing of the core's code, and objects.
//!
//! 1. A lease is granted, reinstated, returned and ended only as the fence allows; attempts only grow.
//! 2. Exactly one outcome is committed per job and generation.
//! 3. A transcript is a chain: every turn follows from the one before it, and no attempt's turns are mixed into another's.
//! 4. What is acknowledged is durable when that is said, and to the end.
//! 5. A job is quarantined only after three deaths in a row without a turn.
//! 6. Calls beyond the transcripts' are at most one per lost lease (and the turns that restarts dropped), and no more
//!    than the core itself admits to.

use std::collections::BTreeMap;

use muster_core::{
    Acked, Fact, FailureClass, Generation, JobKey, LeaseKey, Outcome, Record, ReturnCause, SweepId,
    TurnRecord,
};

use crate::wire::Body;

/// What is durable of a job.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    lease: Option<LeaseKey>,
    is_held: bool,
    pub(crate) turns: Vec<Body>,
    turns_at_grant: usize,
    deaths: u32,
    ended: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Auditor {
    rows: BTreeMap<JobKey, Row>,
    ends: BTreeMap<(JobKey, Generation), (LeaseKey, Outcome)>,
    generations: BTreeMap<SweepId, Generation>,
    /// Leases whose worker may have had a call under way when it lost them.
    pub(crate) lost_leases: u64,
    /// Turns that a restart dropped.
    pub(crate) dropped_turns: u64,
    /// Turns of transcripts that are kept for good.
    pub(crate) kept_turns: u64,
    pub(crate) reinstated: u64,
    pub(crate) restarted: u64,
    pub(crate) quarantined: u64,
    pub(crate) cancelled: u64,
}

// === impl Auditor ===

impl Auditor {
    /// A record is durable.
    pub(crate) fn durable(&mut self, record: &Record) {
        match record {
            Record::Turn(turn) => self.turn(turn),
            Record::Fact(fact) => self.fact(fact),
        }
    }

    fn fact(&mut self, fact: &Fact) {
        match fact {
            Fact::Granted { lease, .. } => self.granted(*lease),
            Fact::Reinstated { lease, .. } => {
                let row = self.row(*lease);
                assert!(!row.is_held && !row.ended, "{lease} is reinstated over a holder");
                row.is_held = true;
                self.reinstated += 1;
            }
            Fact::Returned { lease, cause, .. } => self.returned(*lease, *cause),
            Fact::Restarted { lease } => {
                let row = self.held(*lease);
                let dropped = std::mem::take(&mut row.turns).len();
                row.turns_at_grant = 0;
                self.dropped_turns += dropped as u64;
                self.restarted += 1;
            }
            Fact::Ended { lease, outcome, turns, .. } => self.ended(*lease, *outcome, turns.0 as usize),
            Fact::Cancelled { sweep } => self.all_cancelled(*sweep),
            Fact::Reopened { sweep, generation } => self.reopened(*sweep, *generation),
            _ => {}
        }
    }

    fn granted(&mut self, lease: LeaseKey) {
        let newest = self.generations.get(&lease.job.sweep).copied().unwrap_or_default();
        let row = self.rows.entry(lease.job).or_default();
        assert!(!row.is_held && !row.ended, "{lease} is granted over {:?}", row.lease);
        match row.lease {
            Some(last) if last.generation == lease.generation => {
                assert_eq!(lease.attempt.0, last.attempt.0 + 1, "{lease} after {last}");
            }
            _ => {
                assert_eq!((lease.generation, lease.attempt.0), (newest, 1), "{lease} begins a generation");
                *row = Row::default();
            }
        }
        row.lease = Some(lease);
        row.is_held = true;
        row.turns_at_grant = row.turns.len();
    }

    fn turn(&mut self, turn: &TurnRecord) {
        let body = Body::decode(&turn.body);
        let row = self.held(turn.lease);
        assert_eq!(turn.index.0 as usize, row.turns.len(), "a gap in {}", turn.lease);
        let previous = row.turns.last().map_or(0, |last| last.call);
        assert_eq!(body.previous, previous, "turn {} of {} is another transcript's", turn.index, turn.lease);
        row.turns.push(body);
        row.deaths = 0;
    }

    fn returned(&mut self, lease: LeaseKey, cause: ReturnCause) {
        let row = self.held(lease);
        row.is_held = false;
        let died = matches!(cause, ReturnCause::Expired | ReturnCause::Suspected);
        if died && row.turns.len() == row.turns_at_grant {
            row.deaths += 1;
        }
        if !matches!(cause, ReturnCause::Failed(_) | ReturnCause::Stalled(_)) {
            self.lost_leases += 1;
        }
    }

    fn ended(&mut self, lease: LeaseKey, outcome: Outcome, turns: usize) {
        let row = self.held(lease);
        assert_eq!(turns, row.turns.len(), "{lease} ends with other turns than are stored");
        row.is_held = false;
        row.ended = true;
        let (deaths, stored) = (row.deaths, row.turns.len() as u64);
        self.kept_turns += stored;
        let earlier = self.ends.insert((lease.job, lease.generation), (lease, outcome));
        assert_eq!(earlier, None, "{lease} ends a job that had ended");
        if outcome == Outcome::Quarantined {
            assert_eq!(deaths, 2, "{lease} is quarantined without three deaths in a row");
            self.lost_leases += 1;
            self.quarantined += 1;
        }
    }

    fn all_cancelled(&mut self, sweep: SweepId) {
        for (job, row) in self.rows.iter_mut().filter(|(job, row)| job.sweep == sweep && !row.ended) {
            let lease = row.lease.expect("a row begins with a grant");
            self.lost_leases += u64::from(std::mem::take(&mut row.is_held));
            self.cancelled += 1;
            self.kept_turns += row.turns.len() as u64;
            row.ended = true;
            // A job that was opened again and not begun since has no lease of the generation that is cancelled.
            self.ends.entry((*job, lease.generation)).or_insert((lease, Outcome::Cancelled));
        }
    }

    fn reopened(&mut self, sweep: SweepId, generation: Generation) {
        self.generations.insert(sweep, generation);
        for (job, row) in self.rows.iter_mut().filter(|(job, row)| job.sweep == sweep && row.ended) {
            let lease = row.lease.expect("a row begins with a grant");
            let (_, outcome) = self.ends[&(*job, lease.generation)];
            if !outcome.is_result() {
                row.ended = false;
                row.turns.clear();
            }
        }
    }

    /// Something is said to a worker.
    pub(crate) fn acknowledged(&self, lease: LeaseKey, what: Acked) {
        let row = self.rows.get(&lease.job).unwrap_or_else(|| panic!("{lease} is acknowledged and unknown"));
        match what {
            Acked::Turns(turns) => {
                let stored = row.ended || row.turns.len() >= turns.0 as usize;
                assert!(stored, "turn {turns} of {lease} is acknowledged and not durable");
            }
            Acked::Restart => {}
            Acked::End => {
                let is_out = row.is_held && row.lease == Some(lease);
                assert!(!is_out, "the end of {lease} is acknowledged and not durable");
            }
        }
    }

    /// A worker's outcome was acknowledged: it is the one that is kept.
    pub(crate) fn outcome_acknowledged(&self, lease: LeaseKey, outcome: Outcome) {
        let kept = self.ends.get(&(lease.job, lease.generation));
        assert_eq!(kept, Some(&(lease, outcome)), "an acknowledged outcome is not there");
    }

    /// The turns stored of a job.
    pub(crate) fn turns(&self, job: JobKey, count: usize) -> Vec<Body> {
        let stored = &self.rows[&job].turns;
        assert!(stored.len() >= count, "{job} is granted with {count} turns, {} are stored", stored.len());
        stored[..count].to_vec()
    }

    /// Jobs of a sweep that have no outcome.
    pub(crate) fn open(&self) -> Vec<JobKey> {
        self.rows.iter().filter(|(_, row)| !row.ended).map(|(job, _)| *job).collect()
    }

    pub(crate) fn failed_for_good(&self) -> u64 {
        let failed = |outcome: &Outcome| matches!(outcome, Outcome::Failed(class) if *class != FailureClass::Preempted);
        self.ends.values().filter(|(_, outcome)| failed(outcome)).count() as u64
    }

    fn row(&mut self, lease: LeaseKey) -> &mut Row {
        let row = self.rows.get_mut(&lease.job).filter(|row| row.lease == Some(lease));
        row.unwrap_or_else(|| panic!("{lease} is not the last lease of its job"))
    }

    fn held(&mut self, lease: LeaseKey) -> &mut Row {
        let row = self.row(lease);
        assert!(row.is_held, "{lease} is not out at a worker");
        row
    }
}
