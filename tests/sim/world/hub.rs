//! The coordinator of the world: it boots, is stepped, makes durable, says, and crashes; and its users.

use muster_core::{
    Control, Core, Effect, Fact, Input, LeaseKey, Millis, Outcome, Record, ReturnCause, SweepState,
    SweepView, Ticket, WorkerId,
};

use super::{Event, World};
use crate::clock::BEGIN_MS;
use crate::plan::lane_of;
use crate::users;
use crate::wire::Down;

/// In calm weather a scope in which calls wait grants one at least so often: the slowest is sixty times slower than its
/// limit by what it learned, and a lost call holds a place until its time is out.
const STARVED_MS: u64 = 300_000;

// === impl World ===

impl World {
    pub(super) fn boot(&mut self) {
        self.books.boots();
        self.coordinator.boot(self.now, &self.climate, &mut self.dice);
        // A user who got no answer asks again.
        for content in self.views().len() as u64..self.climate.sweeps {
            let spec = users::spec(&self.climate, 1 + content as u8, self.climate.seeds, None);
            self.control(Control::Submit { spec, again: true });
        }
    }

    /// An event reaches the core. What it grants counts from this moment, and is said later.
    pub(super) fn step(&mut self, input: Input) {
        let gathering = &self.coordinator.gathering;
        let (records, before) = (gathering.records.len(), gathering.after.len());
        self.coordinator.step(self.now, input);
        let mut given_up = Vec::new();
        for record in &self.coordinator.gathering.records[records..] {
            let Record::Fact(fact) = record else { continue };
            self.books.recorded(fact);
            if let Fact::Returned { lease, cause: ReturnCause::Expired, .. }
            | Fact::Ended { lease, outcome: Outcome::Quarantined, .. } = fact
            {
                given_up.push(*lease);
            }
        }
        given_up.into_iter().for_each(|lease| self.give_up(lease));
        let shown = self.coordinator.clock.shows(self.now);
        for effect in &self.coordinator.gathering.after[before..] {
            let Effect::Share { session, ask, calls, .. } = effect else { continue };
            let link = &self.links[session.0 as usize];
            let worker = WorkerId(link.worker as u64);
            for call in calls {
                let asked = self.asks[&(worker, *call)];
                let until = shown + 2_000 + asked.timeout_ms;
                let asked_at = link.asks[*ask as usize - 1];
                self.books.granted(self.now, (worker, *call), &asked, asked_at, until);
            }
        }
    }

    /// Lets the coordinator's disk work, and its clock.
    pub(super) fn attend_coordinator(&mut self) {
        let boot = self.coordinator.boot;
        if self.coordinator.flush() {
            if self.climate.says_before_durable {
                self.say(boot);
            }
            let takes = self.dice.up_to(self.climate.fsync_ms);
            self.later(takes, Event::Synced { boot });
        }
        let clock = self.coordinator.clock;
        let due = self.coordinator.core.as_ref().and_then(Core::next_wakeup);
        let due = due.map(|at| clock.moment(at.0).max(self.now));
        if let Some(due) = due.filter(|due| self.coordinator.tick_at.is_none_or(|at| *due < at)) {
            self.coordinator.tick_at = Some(due);
            self.later(due - self.now, Event::Tick { boot });
        }
    }

    pub(super) fn tick(&mut self, boot: u64) {
        if self.coordinator.boot != boot || self.coordinator.tick_at.is_none_or(|at| at > self.now) {
            return;
        }
        self.coordinator.tick_at = None;
        self.step(Input::Tick);
    }

    pub(super) fn synced(&mut self, boot: u64) {
        if self.coordinator.boot != boot || self.coordinator.core.is_none() {
            return;
        }
        let (records, after) = self.coordinator.synced(&self.climate);
        self.durable(&records);
        if !self.is_calm && self.dice.chance(self.climate.crash_when_durable / 20.0) {
            return self.crash();
        }
        self.carry_out(after);
    }

    /// Whoever holds a lease gave no sign of life for its time, and counts as dead: what it has under way, if it is alive
    /// and only cut off, is in nobody's place any more.
    fn give_up(&mut self, lease: LeaseKey) {
        let holders =
            (0..self.workers.len()).filter(|worker| self.workers[*worker].episodes.contains_key(&lease));
        for worker in holders.collect::<Vec<_>>() {
            self.hang_up_all(worker);
        }
    }

    fn durable(&mut self, records: &[Record]) {
        for record in records {
            self.auditor.durable(record);
            if let Record::Fact(fact) = record {
                self.report.stopped += u64::from(matches!(fact, Fact::LaneStopped { .. }));
                self.books.durable(fact);
            }
        }
    }

    fn say(&mut self, boot: u64) {
        if self.coordinator.boot == boot {
            let after = self.coordinator.say_early();
            self.carry_out(after);
        }
    }

    fn carry_out(&mut self, after: Vec<Effect>) {
        for effect in after {
            let (session, message) = match effect {
                Effect::Grant { session, lease, turns } => {
                    self.coordinator.spend_credit(session);
                    let turns = self.auditor.turns(lease.job, turns.0 as usize);
                    (session, Down::Grant { lease, turns })
                }
                Effect::Revoke { session, lease, reason } => (session, Down::Revoke(lease, reason)),
                Effect::Ack { session, lease, what } => {
                    self.auditor.acknowledged(lease, what);
                    (session, Down::Ack(lease, what))
                }
                Effect::Close { session, .. } => (session, Down::Close),
                Effect::Share { session, ask, calls, spread_ms } => {
                    let worker = WorkerId(self.links[session.0 as usize].worker as u64);
                    for call in &calls {
                        let key = (worker, *call);
                        self.books.said(self.asks[&key].lease.job, &key);
                    }
                    (session, Down::Share { ask, calls, spread_ms })
                }
                Effect::Deny { session, calls } => (session, Down::Deny(calls)),
                Effect::Govern { session, scope, governed, pause_ms } => {
                    (session, Down::Govern { scope: lane_of(&scope), governed, pause_ms })
                }
                Effect::Answer(..) | Effect::Changed(_) => continue,
            };
            self.send_down(session, message);
        }
    }

    pub(super) fn crash(&mut self) {
        if self.coordinator.core.is_none() {
            return;
        }
        self.report.crashes += 1;
        self.compare();
        let torn = self.coordinator.crash(&mut self.dice);
        self.durable(&torn);
        let is_taken_over = self.dice.chance(self.climate.takeover);
        for link in 0..self.links.len() {
            if !self.links[link].is_cut {
                self.links[link].is_cut = !is_taken_over;
                let notices = self.dice.up_to(2_000);
                self.later(notices, Event::WorkerNotices { link });
            }
        }
        let down =
            if is_taken_over { 1 } else { 100 } + self.dice.up_to(if is_taken_over { 300 } else { 5_000 });
        self.later(down, Event::Boot);
    }

    pub(super) fn control(&mut self, control: Control) {
        self.step(Input::Control(Ticket(1), control));
    }

    /// Resumes, and retries what a user's whim or a wrong key left without a result, until all has ended.
    pub(super) fn see_to_the_end(&mut self) {
        self.lift_limits();
        self.look_for_starved();
        for view in self.views() {
            match view.state {
                SweepState::Paused | SweepState::Stopped => self.control(Control::Resume(view.id)),
                SweepState::Cancelled if self.dice.chance(0.5) => self.control(Control::Retry(view.id)),
                _ => {}
            }
        }
        self.later(10_000, Event::SeeToTheEnd);
    }

    /// A person has no patience for another day, and finds more money.
    fn lift_limits(&mut self) {
        if self.coordinator.core.is_none() {
            return;
        }
        let views = self.views();
        let is_short = |view: &SweepView| view.lanes.iter().any(|lane| lane.stopped.is_some());
        let lifted = users::lifted(&self.climate, muster_core::SweepId(1));
        if views.iter().any(is_short) && !lifted.is_empty() {
            self.books.budgets_lifted();
            lifted.into_iter().for_each(|control| self.control(control));
        }
        self.books.days_lifted();
        users::long_days(&self.climate).into_iter().for_each(|control| self.control(control));
        for view in views.iter().filter(|view| is_short(view)) {
            self.control(Control::Resume(view.id));
        }
    }

    /// In calm weather every scope in which calls wait grants some now and then.
    fn look_for_starved(&self) {
        let now = Millis(self.coordinator.clock.shows(self.now));
        for view in self.coordinator.core.iter().flat_map(|core| core.scopes(now)) {
            let since = self.books.last_grant(lane_of(&view.scope));
            let calm_since = BEGIN_MS + self.climate.faults_until_ms;
            let is_fed = self.now < since.max(calm_since) + STARVED_MS;
            assert!(
                view.waiting == 0 || is_fed,
                "{view:?} has granted nothing since {since}, now {}",
                self.now
            );
        }
    }

    /// Whether the core's counts are what happened.
    pub(super) fn compare(&self) {
        let now = Millis(self.coordinator.clock.shows(self.now));
        for view in self.coordinator.core.iter().flat_map(|core| core.scopes(now)) {
            self.books.compare(&view);
        }
    }

    pub(super) fn views(&self) -> Vec<SweepView> {
        self.coordinator.core.iter().flat_map(Core::sweeps).collect()
    }
}
