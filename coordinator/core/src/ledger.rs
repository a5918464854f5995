//! How a lane's jobs ended: four bits a job, in chunks; a chunk whose jobs all ended alike is one value. Ten million
//! finished jobs cost 5 MB at worst and 40 KB at best, and a pending job costs nothing.

use crate::ids::Attempt;
use crate::lifecycle::State;
use crate::outcome::{FailureClass, Outcome};

/// Jobs of one chunk: 2 KiB while they are mixed.
const CHUNK_JOBS: u64 = 4_096;
/// Bytes of one chunk: two jobs a byte, the lower ordinal in the low half.
const CHUNK_BYTES: usize = 2_048;

/// An outcome in four bits. 0 is "not ended". A result says too whether it was the job's first attempt that brought it,
/// which for nearly all jobs is enough to tell a duplicate from a stale attempt's word, also after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code(u8);

/// The outcomes of one lane, by ordinal.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    chunks: Vec<Chunk>,
    /// Jobs by code; `counts[0]` is not kept.
    counts: [u64; 16],
}

#[derive(Debug)]
enum Chunk {
    /// All of them have this code.
    Uniform(u8),
    Mixed(Box<Mixed>),
}

#[derive(Debug)]
struct Mixed {
    /// Jobs whose code is not 0.
    ended: u64,
    nibbles: [u8; CHUNK_BYTES],
}

// === impl Code ===

impl Code {
    pub(crate) const OPEN: Self = Self(0);
    pub(crate) const CANCELLED: Self = Self(12);

    /// The code of an outcome, as a first attempt brings it.
    pub(crate) fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Completed => Self(1),
            Outcome::Limit => Self(2),
            Outcome::Refused => Self(3),
            Outcome::Failed(class) => Self(4 + class_number(class)),
            Outcome::Quarantined => Self(11),
            Outcome::Cancelled => Self::CANCELLED,
        }
    }

    /// The code of an outcome that this attempt brought.
    pub(crate) fn brought_by(attempt: Attempt, outcome: Outcome) -> Self {
        let first = Self::of(outcome);
        if outcome.is_result() && attempt > Attempt(1) { first.by_later() } else { first }
    }

    /// A first attempt's result as one of a later attempt.
    fn by_later(self) -> Self {
        Self(self.0 + Self::CANCELLED.0)
    }

    /// Whether it is a result of a job's first attempt.
    pub(crate) fn is_first_result(self) -> bool {
        (1..=3).contains(&self.0)
    }

    /// The outcome of a code; none if the job has not ended.
    pub(crate) fn outcome(self) -> Option<Outcome> {
        match self.0 {
            1 | 13 => Some(Outcome::Completed),
            2 | 14 => Some(Outcome::Limit),
            3 | 15 => Some(Outcome::Refused),
            4..=10 => Some(Outcome::Failed(FailureClass::ALL[usize::from(self.0 - 4)])),
            11 => Some(Outcome::Quarantined),
            12 => Some(Outcome::Cancelled),
            _ => None,
        }
    }

    /// The state of a job that is in no lane's open jobs.
    pub(crate) fn state(self) -> State {
        if self == Self::OPEN { State::Pending } else { State::Ended }
    }

    /// What `retry` makes of it: all but results are open again.
    pub(crate) fn reopened(self) -> Self {
        match self.outcome() {
            Some(outcome) if outcome.is_result() => self,
            _ => Self::OPEN,
        }
    }
}

fn class_number(class: FailureClass) -> u8 {
    match class {
        FailureClass::Transient => 0,
        // No job ends by `Quota`; a journal that says so has it counted among the failed.
        FailureClass::RateLimited | FailureClass::Quota => 1,
        FailureClass::Overloaded => 2,
        FailureClass::Preempted => 3,
        FailureClass::Config => 4,
        FailureClass::BadRequest => 5,
        FailureClass::Engine => 6,
    }
}

// === impl Ledger ===

impl Ledger {
    /// A job's code.
    pub(crate) fn get(&self, ordinal: u64) -> Code {
        let code = match self.chunks.get(chunk_of(ordinal)) {
            None => 0,
            Some(Chunk::Uniform(code)) => *code,
            Some(Chunk::Mixed(mixed)) => mixed.get(place_of(ordinal)),
        };
        Code(code)
    }

    /// Sets a job's code. The ledger grows up to it, so `ordinal` must be near those already there.
    pub(crate) fn set(&mut self, ordinal: u64, code: Code) {
        let old = self.get(ordinal);
        if old == code {
            return;
        }
        self.move_count(old.0, code.0, 1);
        let index = chunk_of(ordinal);
        while self.chunks.len() <= index {
            self.chunks.push(Chunk::Uniform(0));
        }
        self.chunks[index].set(place_of(ordinal), code.0);
    }

    /// Changes the code of every job below `below` to what `change` makes of it.
    pub(crate) fn recode(&mut self, below: u64, change: impl Fn(Code) -> Code) {
        let mut first = 0;
        while first < below {
            let last = (first + CHUNK_JOBS).min(below);
            self.recode_chunk(first, last, &change);
            first = last;
        }
    }

    fn recode_chunk(&mut self, first: u64, below: u64, change: &impl Fn(Code) -> Code) {
        let whole = below - first == CHUNK_JOBS;
        if let Some(Chunk::Uniform(code)) = self.chunks.get_mut(chunk_of(first))
            && whole
        {
            let (old, new) = (*code, change(Code(*code)).0);
            *code = new;
            self.move_count(old, new, CHUNK_JOBS);
            return;
        }
        for ordinal in first..below {
            self.set(ordinal, change(self.get(ordinal)));
        }
    }

    fn move_count(&mut self, old: u8, new: u8, jobs: u64) {
        self.counts[usize::from(old)] = self.counts[usize::from(old)].saturating_sub(jobs);
        self.counts[usize::from(new)] += jobs;
        self.counts[0] = 0;
    }

    /// The first job in `from..below` that has not ended and that `skip` does not name.
    pub(crate) fn first_open(&self, from: u64, below: u64, skip: impl Fn(u64) -> bool) -> Option<u64> {
        let mut ordinal = from;
        while ordinal < below {
            if self.chunks.get(chunk_of(ordinal)).is_some_and(Chunk::is_full) {
                ordinal = (ordinal / CHUNK_JOBS + 1) * CHUNK_JOBS;
            } else if self.get(ordinal) == Code::OPEN && !skip(ordinal) {
                return Some(ordinal);
            } else {
                ordinal += 1;
            }
        }
        None
    }

    /// How many jobs have this outcome.
    pub(crate) fn count(&self, outcome: Outcome) -> u64 {
        let first = Code::of(outcome);
        let later = if outcome.is_result() { self.counts[usize::from(first.by_later().0)] } else { 0 };
        self.counts[usize::from(first.0)] + later
    }

    /// How many jobs failed, of whatever class.
    pub(crate) fn failed(&self) -> u64 {
        self.counts[4..=10].iter().sum()
    }

    /// How many jobs have ended.
    pub(crate) fn ended(&self) -> u64 {
        self.counts[1..].iter().sum()
    }

    /// The codes of the jobs below `below`, two to a byte.
    pub(crate) fn nibbles(&self, below: u64) -> Vec<u8> {
        let length = bytes_for(below);
        let mut out = Vec::with_capacity(length.next_multiple_of(CHUNK_BYTES));
        for chunk in &self.chunks {
            match chunk {
                Chunk::Uniform(code) => out.extend([code | code << 4; CHUNK_BYTES]),
                Chunk::Mixed(mixed) => out.extend(mixed.nibbles),
            }
        }
        out.resize(length, 0);
        out
    }

    /// The ledger whose `nibbles` these are; those of `below` and above are not read.
    pub(crate) fn from_nibbles(nibbles: &[u8], below: u64) -> Self {
        let mut ledger = Self::default();
        for (index, bytes) in nibbles.chunks(CHUNK_BYTES).enumerate() {
            let first = index as u64 * CHUNK_JOBS;
            let jobs = below.saturating_sub(first).min(CHUNK_JOBS);
            ledger.push_chunk(bytes, jobs);
        }
        ledger
    }

    fn push_chunk(&mut self, bytes: &[u8], jobs: u64) {
        let mut chunk = Chunk::Uniform(0);
        for place in 0..usize::try_from(jobs).unwrap_or(0).min(bytes.len() * 2) {
            let code = nibble(bytes, place);
            chunk.set(place, code);
            self.move_count(0, code, 1);
        }
        self.chunks.push(chunk);
    }
}

/// Bytes that hold the codes of so many jobs.
pub(crate) fn bytes_for(jobs: u64) -> usize {
    usize::try_from(jobs.div_ceil(2)).unwrap_or(usize::MAX)
}

fn chunk_of(ordinal: u64) -> usize {
    usize::try_from(ordinal / CHUNK_JOBS).unwrap_or(usize::MAX)
}

fn place_of(ordinal: u64) -> usize {
    (ordinal % CHUNK_JOBS) as usize
}

fn nibble(bytes: &[u8], place: usize) -> u8 {
    bytes[place / 2] >> (4 * (place % 2)) & 0xf
}

// === impl Chunk ===

impl Chunk {
    fn is_full(&self) -> bool {
        match self {
            Self::Uniform(code) => *code != 0,
            Self::Mixed(mixed) => mixed.ended == CHUNK_JOBS,
        }
    }

    fn set(&mut self, place: usize, code: u8) {
        if let Self::Uniform(uniform) = self {
            if *uniform == code {
                return;
            }
            *self = Self::Mixed(Box::new(Mixed::filled(*uniform)));
        }
        let Self::Mixed(mixed) = self else { return };
        mixed.set(place, code);
        if (mixed.ended == CHUNK_JOBS || mixed.ended == 0)
            && let Some(uniform) = mixed.uniform()
        {
            *self = Self::Uniform(uniform);
        }
    }
}

// === impl Mixed ===

impl Mixed {
    fn filled(code: u8) -> Self {
        let ended = if code == 0 { 0 } else { CHUNK_JOBS };
        Self { ended, nibbles: [code | code << 4; CHUNK_BYTES] }
    }

    fn get(&self, place: usize) -> u8 {
        nibble(&self.nibbles, place)
    }

    fn set(&mut self, place: usize, code: u8) {
        let old = self.get(place);
        let shift = 4 * (place % 2);
        let byte = &mut self.nibbles[place / 2];
        *byte = *byte & !(0xf << shift) | code << shift;
        self.ended = self.ended + u64::from(code != 0) - u64::from(old != 0);
    }

    /// The code that all have, if they all have the same.
    fn uniform(&self) -> Option<u8> {
        let first = self.nibbles[0];
        let same = first & 0xf == first >> 4 && self.nibbles.iter().all(|byte| *byte == first);
        same.then_some(first & 0xf)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn outcomes() -> Vec<Outcome> {
        let mut all = vec![Outcome::Completed, Outcome::Limit, Outcome::Refused];
        let classes = FailureClass::ALL.into_iter().filter(|class| *class != FailureClass::Quota);
        all.extend(classes.map(Outcome::Failed));
        all.extend([Outcome::Quarantined, Outcome::Cancelled]);
        all
    }

    #[test]
    fn every_outcome_survives_its_four_bits() {
        for outcome in outcomes() {
            assert_eq!(Code::of(outcome).outcome(), Some(outcome));
        }
        assert_eq!(Code::OPEN.outcome(), None);
    }

    #[test]
    fn ten_million_jobs_that_ended_alike_are_values_not_rows() {
        let mut ledger = Ledger::default();
        for ordinal in 0..3 * CHUNK_JOBS {
            ledger.set(ordinal, Code::of(Outcome::Completed));
        }
        assert!(ledger.chunks.iter().all(|chunk| matches!(chunk, Chunk::Uniform(1))));
        assert_eq!(ledger.count(Outcome::Completed), 3 * CHUNK_JOBS);
    }

    #[test]
    fn a_result_remembers_whether_a_first_attempt_brought_it() {
        for outcome in outcomes() {
            let (first, later) =
                (Code::brought_by(Attempt(1), outcome), Code::brought_by(Attempt(2), outcome));
            assert_eq!((first.outcome(), later.outcome()), (Some(outcome), Some(outcome)));
            assert_eq!(first.is_first_result(), outcome.is_result());
            assert!(!later.is_first_result() && later.0 < 16);
        }
    }

    proptest! {
        #[test]
        fn a_ledger_is_a_map_and_its_counts(sets in prop::collection::vec((0u64..9_000, 0usize..12, 1u32..3), 0..300), cut in 0u64..10_000) {
            let mut ledger = Ledger::default();
            let mut map = BTreeMap::new();
            for (ordinal, outcome, attempt) in sets {
                ledger.set(ordinal, Code::brought_by(Attempt(attempt), outcomes()[outcome]));
                map.insert(ordinal, outcomes()[outcome]);
            }
            for outcome in outcomes() {
                let counted = map.values().filter(|other| **other == outcome).count() as u64;
                prop_assert_eq!(ledger.count(outcome), counted);
            }
            let first = (cut..9_000).find(|ordinal| !map.contains_key(ordinal));
            prop_assert_eq!(ledger.first_open(cut, 9_000, |_| false), first);
            let again = Ledger::from_nibbles(&ledger.nibbles(9_000), 9_000);
            prop_assert_eq!(again.nibbles(9_000), ledger.nibbles(9_000));
            prop_assert_eq!(again.counts, ledger.counts);
            ledger.recode(cut, Code::reopened);
            for ordinal in 0..9_000 {
                let kept = map.get(&ordinal).copied().filter(|outcome| ordinal >= cut || outcome.is_result());
                prop_assert_eq!(ledger.get(ordinal).outcome(), kept);
            }
        }
    }
}
