//! Budgets: what people allow, what is charged for good, and what calls in flight hold at their worst. The sum of the
//! two never passes a budget, in whatever order processes die.

use std::collections::BTreeMap;
use std::fmt;

use crate::day::day_of;
use crate::ids::Millis;
use crate::quota::{Budget, CapMode, Purse, Span, Spend};
use crate::snapshot::PurseSnapshot;
use crate::view::PurseView;

/// A purse's place in the list; lanes know theirs by it.
pub(crate) type PurseAt = usize;

/// From this part of a `Drain` budget on no new episode is begun, in hundredths.
const DRAINS_AT: u128 = 90;

/// All budgets.
#[derive(Debug, Default)]
pub(crate) struct Purses {
    list: Vec<PurseState>,
    by_name: BTreeMap<(Purse, Span), PurseAt>,
}

/// One budget.
#[derive(Debug, Clone)]
pub(crate) struct PurseState {
    pub(crate) purse: Purse,
    span: Span,
    pub(crate) budget: Budget,
    by_hand: bool,
    /// Of which day `spent` is.
    day: u32,
    spent: Amount,
    held: Amount,
    /// Of this process alone: until when calls or jobs wait for the next day, if they do.
    waits_until: Option<Millis>,
}

/// Money and tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Amount {
    micro_usd: u128,
    tokens: u128,
}

/// Whether a call fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It does.
    Fits,
    /// Not beside what is held; it may once that is settled.
    Later,
    /// Not today; it does when the day's budget begins anew.
    Tomorrow,
    /// Not in any case.
    Never,
    /// Nobody knows, for its price is not known.
    Unpriced,
}

// === impl Amount ===

impl Amount {
    fn add(&mut self, spend: &Spend) {
        self.micro_usd += u128::from(spend.micro_usd.unwrap_or(0));
        self.tokens += u128::from(spend.tokens);
    }

    fn sub(&mut self, spend: &Spend) {
        self.micro_usd = self.micro_usd.saturating_sub(u128::from(spend.micro_usd.unwrap_or(0)));
        self.tokens = self.tokens.saturating_sub(u128::from(spend.tokens));
    }

    fn spend(&self) -> Spend {
        let cut = |amount: u128| u64::try_from(amount).unwrap_or(u64::MAX);
        Spend { micro_usd: Some(cut(self.micro_usd)), tokens: cut(self.tokens) }
    }
}

// === impl Fit ===

impl Fit {
    /// How long a misfit lasts, as a rank.
    fn lasts(self) -> u8 {
        match self {
            Self::Fits => 0,
            Self::Later => 1,
            Self::Tomorrow => 2,
            Self::Never | Self::Unpriced => 3,
        }
    }
}

// === impl Purses ===

impl Purses {
    pub(crate) fn restore(found: &[PurseSnapshot]) -> Self {
        let mut purses = Self::default();
        for found in found {
            let at = purses.set(&found.purse, found.span, found.budget, found.by_hand, &found.spent);
            if let Some(purse) = at.and_then(|at| purses.list.get_mut(at)) {
                purse.day = found.day;
            }
        }
        purses
    }

    pub(crate) fn snapshot(&self) -> Vec<PurseSnapshot> {
        let plain = |at: &PurseAt| {
            let state = &self.list[*at];
            PurseSnapshot {
                purse: state.purse.clone(),
                span: state.span,
                budget: state.budget,
                by_hand: state.by_hand,
                day: state.day,
                spent: state.spent.spend(),
            }
        };
        self.by_name.values().map(plain).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Sets a budget; an unbounded one is taken away, and then every place in the list is another.
    pub(crate) fn set(
        &mut self,
        purse: &Purse,
        span: Span,
        budget: Budget,
        by_hand: bool,
        spent: &Spend,
    ) -> Option<PurseAt> {
        let name = (purse.clone(), span);
        if budget.is_unbounded() {
            self.remove(|found, of| *found == *purse && of == span);
            return None;
        }
        let mut amount = Amount::default();
        amount.add(spent);
        let known = self.by_name.get(&name).copied();
        let day = known.map_or(0, |at| self.list[at].day);
        let held = known.map_or_else(Amount::default, |at| self.list[at].held);
        let state = PurseState {
            purse: purse.clone(),
            span,
            budget,
            by_hand,
            day,
            spent: amount,
            held,
            waits_until: None,
        };
        let at = known.unwrap_or(self.list.len());
        match known {
            Some(at) => self.list[at] = state,
            None => self.list.push(state),
        }
        self.by_name.insert(name, at);
        Some(at)
    }

    /// Takes purses away; whether there were any. Then every place in the list is another.
    pub(crate) fn remove(&mut self, gone: impl Fn(&Purse, Span) -> bool) -> bool {
        let before = self.list.len();
        self.list.retain(|state| !gone(&state.purse, state.span));
        let names = self.list.iter().enumerate().map(|(at, state)| ((state.purse.clone(), state.span), at));
        self.by_name = names.collect();
        self.list.len() < before
    }

    pub(crate) fn find(&self, purse: &Purse, span: Span) -> Option<&PurseState> {
        self.by_name.get(&(purse.clone(), span)).map(|at| &self.list[*at])
    }

    /// The places of those of these purses that there are.
    pub(crate) fn places(&self, names: &[Purse]) -> Vec<PurseAt> {
        let both = |purse: &Purse| [Span::Ever, Span::Day].map(|span| (purse.clone(), span));
        names.iter().flat_map(both).filter_map(|name| self.by_name.get(&name).copied()).collect()
    }

    pub(crate) fn get(&self, at: PurseAt) -> Option<&PurseState> {
        self.list.get(at)
    }

    /// Nothing is held any more: it is counted anew.
    pub(crate) fn forget_held(&mut self) {
        self.list.iter_mut().for_each(|state| state.held = Amount::default());
    }

    /// A call holds its worst.
    pub(crate) fn hold(&mut self, places: &[PurseAt], worst: &Spend) {
        self.each(places, |state| state.held.add(worst));
    }

    /// A call holds nothing any more, and is charged.
    pub(crate) fn settle(&mut self, places: &[PurseAt], worst: &Spend, charged: &Spend, at: Millis) {
        self.each(places, |state| {
            state.held.sub(worst);
            state.turn_day(at);
            state.spent.add(charged);
        });
    }

    fn each(&mut self, places: &[PurseAt], change: impl Fn(&mut PurseState)) {
        for at in places {
            if let Some(state) = self.list.get_mut(*at) {
                change(state);
            }
        }
    }

    /// The first of these purses that a call, with others like it before it, does not fit, and how.
    pub(crate) fn misfit(
        &self,
        places: &[PurseAt],
        worst: &Spend,
        others: u64,
        now: Millis,
    ) -> Option<(PurseAt, Fit)> {
        let fits =
            |at: &PurseAt| (*at, self.list.get(*at).map_or(Fit::Fits, |state| state.fit(worst, others, now)));
        let misfits = places.iter().map(fits).filter(|(_, fit)| *fit != Fit::Fits);
        misfits.max_by_key(|(_, fit)| fit.lasts())
    }

    /// Something waits for the next day of a budget, which begins then.
    pub(crate) fn wait(&mut self, at: PurseAt, until: Millis) {
        self.each(&[at], |state| state.waits_until = Some(until));
    }

    /// The first of these purses that is so far used up that nothing new is begun.
    pub(crate) fn drains(&self, places: &[PurseAt], now: Millis) -> Option<PurseAt> {
        places.iter().copied().find(|at| self.list.get(*at).is_some_and(|state| state.drains(now)))
    }

    pub(crate) fn views(&self, now: Millis) -> impl Iterator<Item = (PurseAt, PurseView)> + '_ {
        self.by_name.values().map(move |at| (*at, self.list[*at].view(now)))
    }

    /// How many were set by hand.
    pub(crate) fn by_hand(&self) -> usize {
        self.list.iter().filter(|state| state.by_hand).count()
    }
}

// === impl PurseState ===

impl PurseState {
    /// What is spent, of the day that it is now.
    fn spent_now(&self, now: Millis) -> Amount {
        let over = self.span == Span::Day && day_of(now, 0) > self.day;
        if over { Amount::default() } else { self.spent }
    }

    fn turn_day(&mut self, at: Millis) {
        let day = day_of(at, 0);
        if self.span == Span::Day && day > self.day {
            self.day = day;
            self.spent = Amount::default();
        }
    }

    /// What is charged for good.
    pub(crate) fn spent(&self, now: Millis) -> Spend {
        self.spent_now(now).spend()
    }

    /// The same without regard to days.
    pub(crate) fn spent_ever(&self) -> Spend {
        self.spent.spend()
    }

    /// Whether it begins anew each day.
    pub(crate) fn is_daily(&self) -> bool {
        self.span == Span::Day
    }

    pub(crate) fn is_by_hand(&self) -> bool {
        self.by_hand
    }

    fn fit(&self, worst: &Spend, others: u64, now: Millis) -> Fit {
        if self.budget.mode == CapMode::Warn {
            return Fit::Fits;
        }
        let (spent, count) = (self.spent_now(now), u128::from(others) + 1);
        let money = match (self.budget.micro_usd, worst.micro_usd) {
            (Some(_), None) => return Fit::Unpriced,
            (Some(most), Some(worst)) => (u128::from(most), u128::from(worst)),
            (None, _) => (u128::MAX, 0),
        };
        let tokens =
            self.budget.tokens.map_or((u128::MAX, 0), |most| (u128::from(most), u128::from(worst.tokens)));
        let fits = |(most, worst): (u128, u128), other: u128, count: u128| {
            worst.saturating_mul(count).saturating_add(other) <= most
        };
        if !fits(money, spent.micro_usd, 1) || !fits(tokens, spent.tokens, 1) {
            let anew = self.span == Span::Day && fits(money, 0, 1) && fits(tokens, 0, 1);
            if anew { Fit::Tomorrow } else { Fit::Never }
        } else if !fits(money, spent.micro_usd + self.held.micro_usd, count)
            || !fits(tokens, spent.tokens + self.held.tokens, count)
        {
            Fit::Later
        } else {
            Fit::Fits
        }
    }

    fn drains(&self, now: Millis) -> bool {
        let spent = self.spent_now(now);
        let near = |most: Option<u64>, spent: u128| {
            most.is_some_and(|most| spent * 100 >= u128::from(most) * DRAINS_AT)
        };
        self.budget.mode == CapMode::Drain
            && (near(self.budget.micro_usd, spent.micro_usd) || near(self.budget.tokens, spent.tokens))
    }

    fn view(&self, now: Millis) -> PurseView {
        PurseView {
            purse: self.purse.clone(),
            span: self.span,
            budget: self.budget,
            spent: self.spent(now),
            held: self.held.spend(),
            waiting: 0,
            waits_until: self.waits_until.filter(|until| *until > now),
        }
    }

    /// What is spent and held of how much, for people.
    pub(crate) fn account(&self, now: Millis) -> String {
        let (spent, held) = (self.spent_now(now), self.held);
        let dollars = |micro: u128| format!("${}.{:06}", micro / 1_000_000, micro % 1_000_000);
        let mut parts = Vec::new();
        if let Some(most) = self.budget.micro_usd {
            let (spent, held) = (dollars(spent.micro_usd), dollars(held.micro_usd));
            parts.push(format!("{spent} of {} is spent and {held} held", dollars(u128::from(most))));
        }
        if let Some(most) = self.budget.tokens {
            parts.push(format!("{} of {most} tokens are spent and {} held", spent.tokens, held.tokens));
        }
        format!("the budget of {self}: {}", parts.join(", "))
    }
}

impl fmt::Display for PurseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.purse {
            Purse::Project(name) => write!(f, "project {name}")?,
            Purse::Sweep(sweep) => write!(f, "sweep {sweep}")?,
            Purse::Lane(sweep, lane) => write!(f, "model {lane} of sweep {sweep}")?,
            Purse::Model(name) => write!(f, "model {name}")?,
            Purse::Account(name) => write!(f, "account {name}")?,
        }
        if self.span == Span::Day { f.write_str(" for today (UTC)") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 86_400_000;

    fn usd(micro: u64) -> Spend {
        Spend { micro_usd: Some(micro), tokens: micro }
    }

    fn one(span: Span, mode: CapMode, micro_usd: u64) -> Purses {
        let mut purses = Purses::default();
        let budget = Budget { micro_usd: Some(micro_usd), tokens: None, mode };
        purses.set(&Purse::Model("m".into()), span, budget, true, &Spend::default());
        purses
    }

    fn fit(purses: &Purses, worst: u64) -> Option<Fit> {
        purses.misfit(&[0], &usd(worst), 0, Millis(0)).map(|(_, fit)| fit)
    }

    #[test]
    fn a_call_waits_while_what_is_held_may_come_back_and_never_fits_once_it_can_not() {
        let mut purses = one(Span::Ever, CapMode::Stop, 100);
        purses.hold(&[0], &usd(60));
        assert_eq!(
            (fit(&purses, 40), fit(&purses, 41), fit(&purses, 101)),
            (None, Some(Fit::Later), Some(Fit::Never))
        );
        purses.settle(&[0], &usd(60), &usd(10), Millis(0));
        assert_eq!((fit(&purses, 90), fit(&purses, 91)), (None, Some(Fit::Never)));
        let unknown = Spend { micro_usd: None, tokens: 1 };
        assert_eq!(purses.misfit(&[0], &unknown, 0, Millis(0)), Some((0, Fit::Unpriced)));
    }

    #[test]
    fn a_day_begins_anew_and_what_is_held_stays_held() {
        let mut purses = one(Span::Day, CapMode::Stop, 100);
        purses.hold(&[0], &usd(30));
        purses.hold(&[0], &usd(30));
        purses.settle(&[0], &usd(30), &usd(30), Millis(5));
        let tomorrow = Millis(DAY_MS + 5);
        assert_eq!(purses.misfit(&[0], &usd(70), 0, tomorrow), None);
        assert_eq!(purses.misfit(&[0], &usd(71), 0, tomorrow), Some((0, Fit::Later)));
        assert_eq!(purses.misfit(&[0], &usd(71), 0, Millis(9)), Some((0, Fit::Tomorrow)));
        assert_eq!(purses.misfit(&[0], &usd(101), 0, Millis(9)), Some((0, Fit::Never)), "on no day");
        purses.settle(&[0], &usd(30), &usd(30), tomorrow);
        assert_eq!(purses.get(0).map(|purse| purse.spent(tomorrow)), Some(usd(30)));
    }

    #[test]
    fn a_budget_that_only_warns_stops_nothing_and_one_that_drains_says_when() {
        let mut purses = one(Span::Ever, CapMode::Warn, 100);
        purses.settle(&[0], &usd(0), &usd(5_000), Millis(0));
        assert_eq!(fit(&purses, 5_000), None);
        let mut purses = one(Span::Ever, CapMode::Drain, 100);
        purses.settle(&[0], &usd(0), &usd(89), Millis(0));
        assert_eq!(purses.drains(&[0], Millis(0)), None);
        purses.settle(&[0], &usd(0), &usd(1), Millis(0));
        assert_eq!(purses.drains(&[0], Millis(0)), Some(0));
    }

    #[test]
    fn amounts_at_the_edge_neither_wrap_nor_panic() {
        let mut purses = one(Span::Ever, CapMode::Stop, u64::MAX);
        for _ in 0..3 {
            purses.hold(&[0], &usd(u64::MAX));
        }
        assert_eq!(purses.misfit(&[0, 7], &usd(u64::MAX), u64::MAX, Millis(u64::MAX)), Some((0, Fit::Later)));
        purses.settle(&[0], &usd(u64::MAX), &usd(u64::MAX), Millis(u64::MAX));
        assert_eq!(fit(&purses, 1), Some(Fit::Never));
        assert!(
            purses.get(0).is_some_and(|purse| purse.account(Millis(0)).contains("of $18446744073709.551615"))
        );
    }
}
