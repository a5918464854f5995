//! The workers of the world: they rise, die, drain, connect, and play their episodes.

use muster_core::{Acked, FailureClass, Fate, LeaseKey, SessionId, Usage};

use super::{Event, Request, World};
use crate::wire::{Item, Link, Up};
use crate::worker::{Episode, Next, Phase, given_back, is_poison, length_of, outcome_of, turn_after};

/// A worker's beat.
const BEAT_MS: u64 = 5_000;

// === impl World ===

impl World {
    pub(super) fn rise(&mut self, worker: usize) {
        let is_forgetful = !self.is_calm && self.dice.chance(self.climate.forgetful);
        self.workers[worker].rise(is_forgetful);
        let life = self.workers[worker].life;
        self.later(0, Event::Connect { worker, life });
        self.later(BEAT_MS, Event::Beat { worker, life });
    }

    pub(super) fn die(&mut self, worker: usize, suspects: Vec<muster_core::JobKey>) {
        if !self.workers[worker].is_up {
            return;
        }
        self.report.deaths += 1;
        if let Some(link) = self.workers[worker].link {
            self.links[link].is_cut = true;
            let notices = self.dice.up_to(self.climate.unnoticed_ms);
            self.later(notices, Event::CoordinatorNotices { link });
        }
        self.hang_up_all(worker);
        self.workers[worker].die();
        self.workers[worker].suspects = suspects;
        let down = self.dice.up_to(if self.is_calm { 1_000 } else { self.climate.away_ms.max(1_000) });
        self.later(down, Event::Rise { worker });
    }

    /// A worker is told to end in good order: calls in flight are finished, the rest is given back.
    pub(super) fn drain(&mut self, worker: usize) {
        self.next_fault(self.climate.drain_every_ms, move |_| Event::Drain { worker });
        if self.workers[worker].is_up && !self.workers[worker].is_draining {
            self.report.drains += 1;
            self.workers[worker].is_draining = true;
            self.give_up_waiting(worker);
            self.end_if_drained(worker);
        }
    }

    pub(super) fn end_if_drained(&mut self, worker: usize) {
        let found = &self.workers[worker];
        if found.is_draining && found.episodes.is_empty() && found.outbox.is_empty() {
            self.send_up(worker, Up::Goodbye);
            self.workers[worker].die();
            let down = self.dice.up_to(5_000);
            self.later(down, Event::Rise { worker });
        }
    }

    pub(super) fn connect(&mut self, worker: usize, life: u64) {
        let found = &self.workers[worker];
        if !found.is_up || found.life != life || found.link.is_some() {
            return;
        }
        if !self.coordinator.is_open {
            let wait = 200 + self.dice.up_to(2_000);
            return self.later(wait, Event::Connect { worker, life });
        }
        let session = SessionId(self.links.len() as u64);
        let (boot, now) = (self.coordinator.boot, self.now);
        self.links.push(Link {
            worker,
            session,
            boot,
            is_cut: false,
            up_at: now,
            down_at: now,
            heard_at: None,
            asks: Vec::new(),
        });
        let found = &mut self.workers[worker];
        found.link = Some(session.0 as usize);
        let suspects = std::mem::take(&mut found.suspects);
        let (held, free) = (found.held(), found.free_slots());
        let again: Vec<(LeaseKey, Item)> =
            found.outbox.iter().flat_map(|(lease, items)| items.iter().map(|item| (*lease, *item))).collect();
        let is_draining = found.is_draining;
        self.send_up(worker, Up::Hello { held, suspects });
        for (lease, item) in again {
            self.send_up(worker, Up::Item(lease, item));
        }
        if free > 0 && !is_draining {
            self.send_up(worker, Up::Want(free));
        }
        self.say_shares(worker);
    }

    pub(super) fn beat(&mut self, worker: usize, life: u64) {
        if self.workers[worker].life == life {
            self.send_up(worker, Up::Beat);
            self.later(BEAT_MS, Event::Beat { worker, life });
        }
    }

    pub(crate) fn say_item(&mut self, worker: usize, lease: LeaseKey, item: Item) {
        self.workers[worker].keep(lease, item);
        self.send_up(worker, Up::Item(lease, item));
    }

    pub(super) fn granted(&mut self, worker: usize, lease: LeaseKey, turns: Vec<crate::wire::Body>) {
        if self.workers[worker].free_slots() == 0 {
            return self.say_item(worker, lease, given_back());
        }
        let mismatch = !turns.is_empty() && !self.is_calm && self.dice.chance(self.climate.mismatch);
        self.workers[worker].episodes.insert(lease, Episode::new(turns));
        if mismatch {
            self.say_item(worker, lease, Item::Restart);
        } else {
            self.go_on(worker, lease);
        }
    }

    /// The episode's next call, or its end.
    pub(super) fn go_on(&mut self, worker: usize, lease: LeaseKey) {
        let is_draining = self.workers[worker].is_draining;
        let Some(episode) = self.workers[worker].episodes.get_mut(&lease) else { return };
        let turns = episode.transcript.len() as u32;
        if turns >= length_of(lease.job, self.climate.turns) {
            episode.phase = Phase::Ending;
            let (outcome, turns) = (outcome_of(lease.job), muster_core::TurnIndex(turns));
            return self.say_item(worker, lease, Item::Outcome { outcome, turns });
        }
        if is_draining {
            return self.fail(worker, lease, given_back());
        }
        self.begin_call(worker, lease);
    }

    pub(super) fn call_done(&mut self, request: &Request, is_taken: bool) {
        let Request { worker, life, lease, call, .. } = *request;
        self.provider.done(lease.job.lane.0 as usize, call);
        let found = &mut self.workers[worker];
        let episode = found.episodes.get(&lease).filter(|episode| episode.phase == Phase::Calling(call));
        if episode.is_none() || found.life != life {
            return;
        }
        if !is_taken {
            return self.turned_away(request);
        }
        if !self.is_calm && self.dice.chance(self.climate.call_fails) {
            self.provider.refund(lease.job);
            self.refund(request);
            self.settle(worker, request.asked, Fate::Failed, request.bill);
            let item = self.failure();
            return self.fail(worker, lease, item);
        }
        if is_poison(lease.job, self.climate.poison) {
            return self.die(worker, vec![lease.job]);
        }
        if !self.is_calm && self.dice.chance(self.climate.answer_lost) {
            return self.answer_is_lost(request);
        }
        self.settle(worker, request.asked, Fate::Answered, request.bill);
        self.look_at_headers(worker, lease);
        let Some(episode) = self.workers[worker].episodes.get_mut(&lease) else { return };
        let (index, body) = turn_after(&episode.transcript, call);
        episode.transcript.push(body);
        episode.phase = Phase::Storing;
        let in_vain = std::mem::take(&mut episode.in_vain);
        self.say_item(worker, lease, Item::Turn { index, body, in_vain });
    }

    /// The attempt ends with a failure, and the calls before it whose answers were lost.
    pub(crate) fn fail(&mut self, worker: usize, lease: LeaseKey, item: Item) {
        let Some(episode) = self.workers[worker].episodes.get_mut(&lease) else { return };
        episode.phase = Phase::Ending;
        let in_vain = std::mem::take(&mut episode.in_vain);
        let item = match item {
            Item::Failure { class, usage } => {
                Item::Failure { class, usage: Usage { paid_twice: usage.paid_twice + in_vain, ..usage } }
            }
            item => item,
        };
        self.say_item(worker, lease, item);
    }

    fn failure(&mut self) -> Item {
        let class = match self.dice.up_to(19) {
            0..=9 => FailureClass::Transient,
            10..=14 => FailureClass::RateLimited,
            15..=17 => FailureClass::Overloaded,
            18 => FailureClass::BadRequest,
            _ => FailureClass::Config,
        };
        Item::Failure { class, usage: Usage { retries: 3, ..Usage::default() } }
    }

    pub(super) fn acknowledged(&mut self, worker: usize, lease: LeaseKey, what: Acked) {
        let (next, outcome) = self.workers[worker].acknowledge(lease, what);
        if let Some(outcome) = outcome {
            self.auditor.outcome_acknowledged(lease, outcome);
        }
        match next {
            Next::Call => self.go_on(worker, lease),
            Next::Free => self.slot_is_free(worker),
            Next::Wait => self.end_if_drained(worker),
        }
    }

    pub(super) fn slot_is_free(&mut self, worker: usize) {
        if self.workers[worker].is_draining {
            self.end_if_drained(worker);
        } else {
            self.send_up(worker, Up::Want(1));
        }
    }
}
