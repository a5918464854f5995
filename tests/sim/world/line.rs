//! The lines between the coordinator and its workers: what is sent arrives in order, late, or never.

use muster_core::{Core, Input, LeaseKey, SessionId, Usage, WorkerId};

use super::{Event, World};
use crate::wire::{Down, Item, Up};

// === impl World ===

impl World {
    pub(super) fn send_down(&mut self, session: SessionId, message: Down) {
        let Some(index) = self.links.iter().rposition(|link| link.session == session) else { return };
        let arrives = self.links[index].down_at.max(self.now + self.dice.up_to(self.climate.latency_ms));
        self.links[index].down_at = arrives;
        self.later(arrives - self.now, Event::Told { link: index, message });
    }

    pub(crate) fn send_up(&mut self, worker: usize, message: Up) {
        let Some(index) = self.workers[worker].link else { return };
        let arrives = self.links[index].up_at.max(self.now + self.dice.up_to(self.climate.latency_ms));
        self.links[index].up_at = arrives;
        self.later(arrives - self.now, Event::Arrived { link: index, message });
    }

    pub(super) fn cut(&mut self, link: usize) {
        self.links[link].is_cut = true;
        self.report.cuts += 1;
        let (worker, coordinator) = (self.dice.up_to(3_000), self.dice.up_to(self.climate.unnoticed_ms));
        self.later(worker, Event::WorkerNotices { link });
        self.later(coordinator, Event::CoordinatorNotices { link });
    }

    pub(super) fn worker_notices(&mut self, link: usize) {
        let worker = self.links[link].worker;
        if self.workers[worker].link != Some(link) {
            return;
        }
        self.links[link].is_cut = true;
        self.workers[worker].link = None;
        let away = if self.is_calm { 1_000 } else { self.climate.away_ms.max(1_000) };
        let (wait, life) = (self.dice.up_to(away), self.workers[worker].life);
        self.later(wait, Event::Connect { worker, life });
    }

    pub(super) fn arrived(&mut self, link: usize, message: Up) {
        let (session, worker) = (self.links[link].session, self.links[link].worker);
        if self.links[link].is_cut
            || self.links[link].boot != self.coordinator.boot
            || self.coordinator.core.is_none()
        {
            return;
        }
        let worker = WorkerId(worker as u64);
        self.overhear(link, &message);
        let input = match message {
            Up::Hello { held, suspects } => {
                Input::Hello { session, worker, accounts: vec!["account".into()], held, suspects }
            }
            Up::Want(credits) => Input::Want { session, credits },
            Up::Beat => Input::Beat { session },
            Up::Goodbye => Input::Gone { session },
            Up::Item(lease, item) => input_of(session, lease, item),
            Up::Ask { number, calls } => Input::Ask { session, number, calls },
            Up::Settle(calls) => Input::Settle { session, calls },
            Up::Pause { scope, pause_ms } => {
                Input::Pause { session, scope: crate::plan::scope(scope), pause_ms }
            }
            Up::Observe { scope, seen } => Input::Observe { session, scope: crate::plan::scope(scope), seen },
        };
        self.step(input);
    }

    /// What the coordinator is about to hear.
    fn overhear(&mut self, link: usize, message: &Up) {
        let session = self.links[link].session;
        let worker = WorkerId(self.links[link].worker as u64);
        let shown = self.coordinator.clock.shows(self.now);
        if let Up::Hello { .. } = message {
            self.links[link].heard_at = Some(self.now);
        }
        let mut workers = self.coordinator.core.iter().flat_map(Core::workers);
        if !workers.any(|view| view.session == Some(session)) {
            return;
        }
        match message {
            Up::Ask { calls, .. } => {
                for ask in calls {
                    self.asks.insert((worker, ask.call), *ask);
                    self.books.asked_anew(self.now, (worker, ask.call), shown);
                }
            }
            Up::Settle(calls) => {
                for call in calls {
                    self.books.settled(self.now, worker, call, shown);
                }
            }
            Up::Pause { scope, pause_ms } => {
                let until = self.coordinator.clock.moment(shown + pause_ms);
                self.books.paused(self.now, *scope, until);
            }
            _ => {}
        }
    }

    /// Since when a worker hears all that the coordinator says, if it does.
    pub(crate) fn told_since(&self, worker: usize) -> Option<u64> {
        let link = &self.links[self.workers[worker].link?];
        let is_up = self.coordinator.core.is_some() && link.boot == self.coordinator.boot;
        link.heard_at.filter(|_| is_up && !link.is_cut)
    }

    pub(super) fn told(&mut self, link: usize, message: Down) {
        let worker = self.links[link].worker;
        if self.links[link].is_cut || self.workers[worker].link != Some(link) {
            return;
        }
        match message {
            Down::Grant { lease, turns } => self.granted(worker, lease, turns),
            Down::Revoke(lease, reason) => {
                self.report.fenced += u64::from(reason == muster_core::RevokeReason::Fenced);
                match self.workers[worker].revoke(lease) {
                    Some(episode) => {
                        self.drop_call(worker, lease, &episode);
                        self.slot_is_free(worker);
                    }
                    None => self.end_if_drained(worker),
                }
            }
            Down::Ack(lease, what) => self.acknowledged(worker, lease, what),
            Down::Share { ask, calls, spread_ms } => self.shared(worker, link, ask, &calls, spread_ms),
            Down::Deny(calls) => self.denied(worker, &calls),
            Down::Govern { scope, governed, pause_ms } => self.govern(worker, scope, governed, pause_ms),
            Down::Close => {
                self.links[link].is_cut = true;
                self.worker_notices(link);
            }
        }
    }
}

fn input_of(session: SessionId, lease: LeaseKey, item: Item) -> Input {
    match item {
        Item::Restart => Input::Restart { session, lease },
        Item::Turn { index, body, in_vain } => {
            let usage = Usage { model_calls: 1, paid_twice: in_vain, input_tokens: 100, ..Usage::default() };
            Input::Turn { session, lease, index, usage, body: body.encode() }
        }
        Item::Outcome { outcome, turns } => {
            Input::Outcome { session, lease, outcome, turns, detail: bytes::Bytes::new() }
        }
        Item::Failure { class, usage } => {
            Input::Failure { session, lease, class, usage, retry_after_ms: 0, message: "simulated".into() }
        }
    }
}
