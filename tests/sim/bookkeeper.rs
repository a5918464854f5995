//! The bookkeeper: the auditor of quotas and budgets. It sees what is said, what is heard, what is durable and what the
//! provider does, knows nothing of the core's code, and objects.
//!
//! Shares. A bucket of the bookkeeper's own gains the stated limit R and holds B = R x 1 s, or one call if that is more:
//! the provider's second. Each call granted takes of it, each that comes back unused before it was ever sent gives back
//! (what was sent never does), each that is settled evens out what it cost. A grant must find it as full as the call needs,
//! or full. So in *every* window of any length w
//!
//! ```text
//! calls started <= R x w + B + the shares in flight when it begins,
//! ```
//!
//! for a call starts by a share of before, or by one of the window. And shares in flight are bounded in turn, for one is
//! used within 2 s of its ask: of those that may still be used there are never more than B + R x (2 s + what drift adds).
//! A token limit's bucket may be overdrawn by one call, which is granted when the bucket is full, as by providers. A new
//! process of the coordinator's knows nothing of that, and a silence forgets it: each costs such a limit at most the
//! overdraft of one call more. Limits on calls are never overdrawn.
//!
//! 1. No grant without its room in the bookkeeper's bucket.
//! 2. No call starts later than 2 s after its ask was sent, by its worker's clock, however that drifts.
//! 3. A new process of the coordinator's grants nothing while a share of an earlier one may be used.
//! 4. What a call must hold is durable before its share is said; once charged it is charged what its worker settled, and
//!    all of its worst if nobody did, and that is never less than what the provider billed.
//! 5. At the provider: no more calls at once than places (a worker that gave no sign of life for the time of a lease is
//!    given up and counts as dead: one that was only cut off for so long may have more under way); no more calls a day than
//!    the day has (those on their way at midnight belong to either day); no more money, and no more tokens, than a budget
//!    that stops or drains.
//! 6. From a pause on no call starts: after 250 ms and the way of the word, of workers that hear it; after the life of a
//!    share, of any worker that asks.
//! 7. What the core counts as granted, limited and used is what was granted, and what workers settled.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::{
    Budget, CallAsk, CallId, CallSettled, CapMode, Cost, Fact, Fate, Hold, JobKey, Outcome, ReturnCause,
    ScopeView, Spend, SweepId, WorkerId,
};

use crate::climate::Climate;
use crate::clock::{BEGIN_MS, DAY_MS};
use crate::plan::{Bill, Plan, lane_of};

/// A share's life.
const LIFE_MS: u64 = 2_000;

/// What drift of two clocks, and whole milliseconds, add to two seconds.
pub(crate) const DRIFT_MS: u64 = 10;

/// From a pause on, beside the way of the word.
const PAUSE_MS: u64 = 250;

/// A call.
type Key = (WorkerId, CallId);

/// One limit by the minute.
#[derive(Debug)]
struct Limit {
    /// A millisecond's gain.
    rate: f64,
    level: f64,
    at: u64,
}

/// A share that this process of the coordinator's granted, and has not heard the end of.
#[derive(Debug)]
struct Share {
    scope: usize,
    cost: Cost,
    is_sent: bool,
    /// When it counts as lost, by the coordinator's clock.
    until: u64,
}

/// What one process of the coordinator's should have counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    granted: u64,
    limited: u64,
    used: Cost,
}

#[derive(Debug, Default)]
struct Book {
    /// Calls, tokens, tokens in, tokens out.
    limits: [Option<Limit>; 4],
    counts: Counts,
    /// Whether a call's time was out in the moment in which its end came, or its worker was given up before: nobody but the
    /// core can say what it counted.
    is_vague: bool,
    /// Until when the shares of this process, and of those before, may be used.
    usable_until: u64,
    old_usable_until: u64,
    /// When the last pause was heard, and when it ends.
    pause: Option<(u64, u64)>,
    /// Calls that the provider saw, by its day.
    days: BTreeMap<u64, u64>,
    last_grant: u64,
}

/// What a budget bounds, and what was billed of it.
#[derive(Debug, Default)]
struct Billed {
    micro_usd: u64,
    tokens: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Bookkeeper {
    plans: Vec<Plan>,
    books: Vec<Book>,
    drift_ppm: u64,
    skew_ms: u64,
    reach_ms: u64,
    shares: BTreeMap<Key, Share>,
    /// What is held by what is recorded, and by what is durable.
    held: BTreeMap<Key, Hold>,
    holds: BTreeMap<Key, Hold>,
    /// Calls that held something, durably: some may be settled before their share is said.
    ever_held: BTreeSet<Key>,
    /// What the provider billed for a call.
    bills: BTreeMap<Key, Spend>,
    /// What workers said that became of a call, and when it was heard last: in which process of the coordinator's, and at
    /// which moment by its clock.
    heard: BTreeMap<Key, (CallSettled, u64, u64)>,
    boot: u64,
    /// What the sweeps may spend: all of the first, and each lane of it. The second may spend what it likes.
    budget: Budget,
    /// By sweep, and by sweep and lane.
    billed: BTreeMap<(SweepId, Option<usize>), Billed>,
    budgets_are_lifted: bool,
    days_are_lifted: bool,
    pub(crate) granted: u64,
    pub(crate) unused: u64,
    pub(crate) lost_holds: u64,
    pub(crate) pauses: u64,
}

// === impl Limit ===

impl Limit {
    fn new(per_minute: u64) -> Self {
        let rate = per_minute as f64 / 60_000.0;
        Self { rate, level: (rate * 1_000.0).max(1.0), at: 0 }
    }

    fn most(&self) -> f64 {
        (self.rate * 1_000.0).max(1.0)
    }

    fn refill(&mut self, now: u64) {
        let gained = now.saturating_sub(self.at) as f64 * self.rate;
        self.level = (self.level + gained).min(self.most());
        self.at = now;
    }

    /// Whether a call of this cost has room. What is let go at once is a tenth of a second's, at least one call: a larger
    /// call needs so much and no more. Whole milliseconds of two clocks are forgiven.
    fn has_room(&self, cost: u64) -> bool {
        let at_once = (self.rate * 100.0).max(1.0);
        self.level + 2.0 * self.rate + 0.01 >= (cost as f64).min(at_once)
    }
}

// === impl Book ===

impl Book {
    /// What one call overdrew is not known any more.
    fn forgive(&mut self) {
        for limit in self.limits.iter_mut().flatten() {
            limit.level = limit.level.max(0.0);
        }
    }
}

// === impl Bookkeeper ===

impl Bookkeeper {
    pub(crate) fn new(climate: &Climate) -> Self {
        let book = |plan: &Plan| {
            let quota = plan.quota;
            let limits = [
                quota.requests_per_minute.map(u64::from),
                quota.tokens_per_minute,
                quota.input_tokens_per_minute,
                quota.output_tokens_per_minute,
            ];
            Book { limits: limits.map(|limit| limit.map(Limit::new)), ..Book::default() }
        };
        Self {
            plans: climate.plans.clone(),
            budget: climate.budget,
            books: climate.plans.iter().map(book).collect(),
            drift_ppm: climate.drift_ppm,
            skew_ms: climate.skew_ms,
            reach_ms: climate.reach_ms,
            ..Self::default()
        }
    }

    // --- what the coordinator says

    /// A process of the coordinator's begins: it knows of no share.
    pub(crate) fn boots(&mut self) {
        self.boot += 1;
        self.shares.clear();
        self.held = self.holds.clone();
        for book in &mut self.books {
            book.counts = Counts::default();
            book.is_vague = false;
            book.old_usable_until = book.old_usable_until.max(book.usable_until);
            book.pause = None;
            book.forgive();
        }
    }

    /// A call was granted, by an ask that was sent at a moment; `until` by the coordinator's clock.
    pub(crate) fn granted(&mut self, now: u64, key: Key, ask: &CallAsk, asked_at: u64, until: u64) {
        let scope = ask.lease.job.lane.0 as usize;
        let must_ask = self.must_ask(scope);
        let book = &mut self.books[scope];
        self.granted += 1;
        self.heard.remove(&key);
        book.counts.granted += 1;
        book.last_grant = now;
        let usable_until = asked_at + LIFE_MS;
        book.usable_until = book.usable_until.max(usable_until);
        assert!(
            !must_ask || now + DRIFT_MS >= book.old_usable_until,
            "{key:?} is granted while shares of an earlier process may be used until {}",
            book.old_usable_until
        );
        for (limit, cost) in book.limits.iter_mut().zip(amounts(&ask.cost)) {
            let Some(limit) = limit.as_mut().filter(|_| cost > 0) else { continue };
            limit.refill(now);
            assert!(
                limit.has_room(cost),
                "{key:?} of scope {scope} is granted at {now} beyond {limit:?}: {cost}"
            );
            limit.level -= cost as f64;
        }
        let share = Share { scope, cost: ask.cost, is_sent: false, until };
        let earlier = self.shares.insert(key, share);
        assert!(earlier.is_none(), "{key:?} is granted twice");
    }

    /// A share is said to a worker.
    pub(crate) fn said(&self, job: JobKey, key: &Key) {
        let scope = job.lane.0 as usize;
        let budgeted = self.budgets(job).iter().any(|budget| !budget.is_unbounded());
        let must_hold = budgeted || self.plans[scope].quota.concurrency.is_some();
        assert!(!must_hold || self.ever_held.contains(key), "{key:?} is granted, and its hold not durable");
    }

    /// A fact is recorded, and counts from now on unless the process dies before it is durable.
    pub(crate) fn recorded(&mut self, fact: &Fact) {
        match fact {
            Fact::Settled { worker, calls, .. } => {
                for (call, charged) in calls {
                    self.charged((*worker, *call), charged);
                }
            }
            // It may have had calls under way, which count as lost from now on: whose, the facts don't say.
            Fact::Returned { cause: ReturnCause::Expired, .. }
            | Fact::Ended { outcome: Outcome::Quarantined, .. } => {
                self.books.iter_mut().for_each(|book| book.is_vague = true);
            }
            _ => {}
        }
    }

    /// A fact is durable.
    pub(crate) fn durable(&mut self, fact: &Fact) {
        match fact {
            Fact::Held { holds } => {
                self.holds.extend(keyed(holds));
                self.ever_held.extend(holds.iter().map(|hold| (hold.worker, hold.call)));
            }
            Fact::Settled { worker, calls, .. } => {
                calls.iter().for_each(|(call, _)| drop(self.holds.remove(&(*worker, *call))));
            }
            _ => {}
        }
    }

    fn charged(&mut self, key: Key, charged: &Spend) {
        let Some(hold) = self.held.remove(&key) else { return };
        let billed = self.bills.get(&key).copied().unwrap_or_default();
        assert!(
            charged.tokens >= billed.tokens && charged.micro_usd >= billed.micro_usd,
            "{key:?} is charged {charged:?}, and was billed {billed:?}"
        );
        let heard = self.heard.get(&key);
        let due = heard.map_or(hold.worst, |(said, ..)| match said.fate {
            Fate::Answered => said.spent,
            Fate::Lost => hold.worst,
            _ => Spend { micro_usd: Some(0), tokens: 0 },
        });
        // What an earlier process heard may have died with it, and what comes too late is worth nothing.
        let in_time = heard.is_some_and(|(_, boot, at)| *boot == self.boot && *at < hold.until.0);
        assert!(
            *charged == due || (*charged == hold.worst && !in_time),
            "{key:?} is charged {charged:?} and not {due:?}: {heard:?}"
        );
        self.lost_holds += u64::from(heard.is_none());
    }

    /// What the core counts is what happened, as far as this process of it can know.
    pub(crate) fn compare(&self, view: &ScopeView) {
        let book = &self.books[lane_of(&view.scope)];
        let counted =
            Counts { granted: view.total.granted, limited: view.total.limited, used: view.total.cost };
        assert!(
            book.is_vague || counted == book.counts,
            "the core counts {counted:?} of {:?}, and it was {:?}",
            view.scope,
            book.counts
        );
    }

    // --- what the coordinator hears

    /// A call that waits is asked for: what was granted of it before was never heard of.
    pub(crate) fn asked_anew(&mut self, now: u64, key: Key, coordinator: u64) {
        self.ended(now, key, Fate::Unused, &Cost::default(), coordinator);
        let (fate, cost) = (Fate::Unused, Cost::default());
        let unused = CallSettled { call: key.1, fate, cost, spent: Spend::default() };
        self.heard.insert(key, (unused, self.boot, coordinator));
    }

    /// A worker says what became of a call; `coordinator`: what the coordinator's clock shows.
    pub(crate) fn settled(&mut self, now: u64, worker: WorkerId, call: &CallSettled, coordinator: u64) {
        let key = (worker, call.call);
        self.heard.insert(key, (*call, self.boot, coordinator));
        self.ended(now, key, call.fate, &call.cost, coordinator);
    }

    fn ended(&mut self, now: u64, key: Key, fate: Fate, used: &Cost, coordinator: u64) {
        let Some(share) = self.shares.remove(&key) else { return };
        let book = &mut self.books[share.scope];
        if coordinator >= share.until {
            book.is_vague |= coordinator == share.until;
            return;
        }
        let sent = amounts(&share.cost);
        let cost = match fate {
            Fate::Unused if share.is_sent => sent,
            Fate::Unused => [0; 4],
            Fate::Answered | Fate::Failed => [1, used.tokens, used.input_tokens, used.output_tokens],
            // One turned away was a call, and used no token.
            Fate::Limited => [1, 0, 0, 0],
            Fate::Lost => sent,
        };
        self.unused += u64::from(fate == Fate::Unused);
        for ((limit, sent), cost) in book.limits.iter_mut().zip(sent).zip(cost) {
            let Some(limit) = limit else { continue };
            limit.refill(now);
            limit.level = (limit.level + sent as f64 - cost as f64).min(limit.most());
        }
        if fate == Fate::Limited {
            book.counts.limited += 1;
            book.forgive();
        }
        if fate == Fate::Answered {
            let sum = &mut book.counts.used;
            sum.tokens += used.tokens;
            sum.input_tokens += used.input_tokens;
            sum.output_tokens += used.output_tokens;
        }
    }

    /// A pause is heard, and it counts.
    pub(crate) fn paused(&mut self, now: u64, scope: usize, until: u64) {
        self.pauses += 1;
        self.books[scope].forgive();
        let pause = &mut self.books[scope].pause;
        *pause = Some(match *pause {
            Some((from, end)) if end > now => (from, end.max(until)),
            _ => (now, until),
        });
    }

    // --- what workers and the provider do

    /// A call leaves its worker. `asked`: its name, and when its ask was sent. `told`: whether its worker has heard all that
    /// the coordinator said since this moment.
    pub(crate) fn sent(
        &mut self,
        now: u64,
        scope: usize,
        asked: Option<(Key, u64)>,
        told_since: Option<u64>,
        way_ms: u64,
    ) {
        if let Some((key, asked_at)) = asked {
            let late = asked_at + LIFE_MS + LIFE_MS * self.drift_ppm / 1_000_000 + 2;
            assert!(now <= late, "{key:?} is sent at {now}, and was asked for at {asked_at}");
            if let Some(share) = self.shares.get_mut(&key) {
                share.is_sent = true;
            }
        }
        let Some((from, until)) = self.books[scope].pause.filter(|(_, until)| now + DRIFT_MS < *until) else {
            return;
        };
        let hears = told_since.is_some_and(|since| since < from);
        assert!(
            !hears || now <= from + PAUSE_MS + way_ms,
            "a call of scope {scope} is sent at {now} in the silence from {from} to {until}"
        );
        assert!(
            asked.is_none() || now <= from + LIFE_MS + DRIFT_MS,
            "a call of scope {scope} is sent at {now} long after the silence began, from {from} to {until}"
        );
    }

    /// A call reaches the provider, which takes it or turns it away; so many are at work there.
    pub(crate) fn arrived(&mut self, now: u64, scope: usize, asked: bool, at_work: usize) {
        let (quota, book) = (self.plans[scope].quota, &mut self.books[scope]);
        if !asked {
            return;
        }
        if let Some(places) = quota.concurrency {
            assert!(
                at_work <= places as usize,
                "{at_work} calls of scope {scope} at once: it has {places} places"
            );
        }
        let Some(most) = quota.requests_per_day.filter(|_| !self.days_are_lifted) else { return };
        let local = (now as i64 + i64::from(quota.day_offset_minutes) * 60_000) as u64;
        let (day, since) = (local / DAY_MS, local % DAY_MS);
        // A coordinator whose clock is ahead begins the day so much before the provider does.
        let ahead = self.skew_ms + DRIFT_MS + (now - BEGIN_MS) * self.drift_ppm / 1_000_000;
        let way = LIFE_MS + DRIFT_MS + self.reach_ms + ahead;
        if since <= way || DAY_MS - since <= ahead {
            return;
        }
        let calls = book.days.entry(day).or_default();
        *calls += 1;
        assert!(*calls <= most, "{calls} calls of scope {scope} on a day of {most}");
    }

    /// The provider charges for a call.
    pub(crate) fn billed(&mut self, job: JobKey, key: Option<Key>, bill: &Bill) {
        let (sweep, scope, budgets) = (job.sweep, job.lane.0 as usize, self.budgets(job));
        if let Some(key) = key {
            self.bills.insert(key, bill.spent);
        }
        for (lane, budget) in [None, Some(scope)].into_iter().zip(budgets) {
            let billed = self.billed.entry((sweep, lane)).or_default();
            billed.micro_usd += bill.spent.micro_usd.unwrap_or(0);
            billed.tokens += bill.spent.tokens;
            if budget.mode != CapMode::Warn && !self.budgets_are_lifted {
                let within = budget.micro_usd.is_none_or(|most| billed.micro_usd <= most)
                    && budget.tokens.is_none_or(|most| billed.tokens <= most);
                assert!(within, "{billed:?} was billed to {sweep} {lane:?} of {budget:?}");
            }
        }
    }

    /// The provider takes a charge back: the call failed.
    pub(crate) fn refunded(&mut self, job: JobKey, key: Option<Key>, bill: &Bill) {
        if let Some(key) = key {
            self.bills.remove(&key);
        }
        for lane in [None, Some(job.lane.0 as usize)] {
            let billed = self.billed.entry((job.sweep, lane)).or_default();
            billed.micro_usd -= bill.spent.micro_usd.unwrap_or(0);
            billed.tokens -= bill.spent.tokens;
        }
    }

    /// A person lifts all budgets, or the limits by the day.
    pub(crate) fn budgets_lifted(&mut self) {
        self.budgets_are_lifted = true;
    }

    pub(crate) fn days_lifted(&mut self) {
        self.days_are_lifted = true;
    }

    pub(crate) fn last_grant(&self, scope: usize) -> u64 {
        self.books[scope].last_grant
    }

    fn budgets(&self, job: JobKey) -> [Budget; 2] {
        if job.sweep == SweepId(1) {
            [self.budget, self.plans[job.lane.0 as usize].budget]
        } else {
            [Budget::default(); 2]
        }
    }

    fn must_ask(&self, scope: usize) -> bool {
        let plan = &self.plans[scope];
        let mut quota = plan.quota;
        quota.requests_per_day = quota.requests_per_day.filter(|_| !self.days_are_lifted);
        !(quota.is_open() && plan.budget.is_unbounded() && self.budget.is_unbounded())
    }
}

fn amounts(cost: &Cost) -> [u64; 4] {
    [1, cost.tokens, cost.input_tokens, cost.output_tokens]
}

fn keyed(holds: &[Hold]) -> impl Iterator<Item = (Key, Hold)> + '_ {
    holds.iter().map(|hold| ((hold.worker, hold.call), hold.clone()))
}
