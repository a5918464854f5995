//! A job's states, and the one table of what may happen in each. `apply` asks it before it changes anything, so a
//! record that can't be (a damaged journal's, a bug's) changes nothing.

use crate::fact::{OpenJob, Place};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Ready to be granted: never begun, given back, or opened again.
    Pending,
    /// Held by a worker.
    Leased,
    /// Given back, and waiting.
    Backoff,
    /// It has an outcome.
    Ended,
}

/// What can happen to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// It is leased, as a new attempt.
    Grant,
    /// It gains a turn.
    Turn,
    /// Its attempt begins anew.
    Restart,
    /// It gets its outcome.
    End,
    /// It is given back, ready at once.
    Return,
    /// It is given back, to wait.
    Wait,
    /// Its last attempt gets its lease back.
    Reinstate,
    /// Its sweep is cancelled.
    Cancel,
    /// Its sweep is opened again, and the job had no result.
    Reopen,
}

/// The state after `event`, or none if it can't happen in `state`.
pub(crate) fn next(state: State, event: Event) -> Option<State> {
    use Event as E;
    use State as S;
    match (state, event) {
        (S::Pending | S::Backoff, E::Grant | E::Reinstate) => Some(S::Leased),
        (S::Leased, E::Turn | E::Restart) => Some(S::Leased),
        (S::Leased, E::End) => Some(S::Ended),
        (S::Leased, E::Return) => Some(S::Pending),
        (S::Leased, E::Wait) => Some(S::Backoff),
        (S::Pending | S::Leased | S::Backoff, E::Cancel) => Some(S::Ended),
        (S::Ended, E::Reopen) => Some(S::Pending),
        _ => None,
    }
}

/// An open job's state.
pub(crate) fn state_of(job: &OpenJob) -> State {
    match job.place {
        Place::Pending => State::Pending,
        Place::Leased(_) => State::Leased,
        Place::Backoff(_) => State::Backoff,
    }
}

/// Whether `event` may happen to an open job.
pub(crate) fn may(job: &OpenJob, event: Event) -> bool {
    next(state_of(job), event).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [State; 4] = [State::Pending, State::Leased, State::Backoff, State::Ended];
    const EVENTS: [Event; 9] = [
        Event::Grant,
        Event::Turn,
        Event::Restart,
        Event::End,
        Event::Return,
        Event::Wait,
        Event::Reinstate,
        Event::Cancel,
        Event::Reopen,
    ];

    /// The table as a reader draws it: a row a state, a column an event in the order of `EVENTS`; `.` = never.
    const DRAWN: [&str; 4] = [
        // grant turn restart end return wait reinstate cancel reopen
        "L . . . . . L E .", // pending
        ". L L E P B . E .", // leased
        "L . . . . . L E .", // backoff
        ". . . . . . . . P", // ended
    ];

    fn letter(state: Option<State>) -> &'static str {
        match state {
            None => ".",
            Some(State::Pending) => "P",
            Some(State::Leased) => "L",
            Some(State::Backoff) => "B",
            Some(State::Ended) => "E",
        }
    }

    #[test]
    fn every_state_and_event_pair_is_as_drawn() {
        for (state, row) in STATES.iter().zip(DRAWN) {
            let found: Vec<&str> = EVENTS.iter().map(|event| letter(next(*state, *event))).collect();
            assert_eq!(found.join(" "), row, "row {state:?}");
        }
    }

    #[test]
    fn nothing_but_reopening_leaves_the_ended_state() {
        for event in EVENTS {
            assert_eq!(next(State::Ended, event).is_some(), event == Event::Reopen, "{event:?}");
        }
    }
}
