//! The fleet's quota, as one worker keeps it: requests of a governed scope are asked for, wait until the coordinator
//! shares them out, are sent within two seconds of the ask, and are settled.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use muster_proto::v1;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::cost::{Cost, Worst};

/// How long a share is good, from the ask that it answers. The coordinator relies on it: after a takeover it waits so long.
const SHARE_LIFE: Duration = Duration::from_secs(2);

/// Calls that wait are asked for anew this often: well within what is left of a share's life.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Asks whose moment is remembered. One goes out at most every millisecond, and what is older than a share's life counts
/// for nothing.
const ASKS_REMEMBERED: usize = 2_048;

/// What was settled this long ago or less is settled again in a new session: the old one may have lost it.
const SETTLE_AGAIN: Duration = Duration::from_secs(30);

/// Settled calls remembered for that: 64 bytes each, at 2,000 calls a second 30 seconds of them.
const SETTLED_REMEMBERED: usize = 65_536;

/// Calls in one ask, and in one settle: about 60 bytes each, so far below a message's megabyte.
const CALLS_AN_EVENT: usize = 4_096;

/// What one request asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    /// For which job.
    pub(crate) lease: crate::lease::Lease,
    /// Which of the episode's calls.
    pub(crate) turn: u32,
    /// Of the limits.
    pub(crate) cost: Cost,
    /// Of the budgets.
    pub(crate) worst: Worst,
    /// After so long it counts as lost.
    pub(crate) timeout: Duration,
}

/// What became of a request that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was answered.
    Answered {
        /// What it cost of the limits.
        cost: Cost,
        /// What it cost in money, if the price is known.
        micro_usd: Option<u64>,
        /// Tokens in and out.
        tokens: u64,
    },
    /// "Too many".
    Limited,
    /// It failed and is not charged.
    Failed,
    /// It may have been charged.
    Lost,
}

/// The request will not be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Denied;

/// How a scope stands.
#[derive(Debug)]
pub(crate) struct Scope {
    governed: AtomicBool,
    /// Silence until then, in milliseconds since `started`; 0: none.
    silent_until_ms: AtomicU64,
    started: Instant,
}

/// Leave to send one request. Dropped unsent it gives all back; dropped while it is under way it counts as lost.
#[derive(Debug)]
pub(crate) struct Permit {
    shares: Arc<Shares>,
    call: u64,
    sent: bool,
    settled: bool,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Shares {
    state: Mutex<State>,
    /// There is something to say.
    stirred: Notify,
    next_call: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    scopes: BTreeMap<(String, String), Arc<Scope>>,
    waiting: BTreeMap<u64, Waiting>,
    /// To be asked for with the next ask.
    unasked: Vec<u64>,
    unsettled: Vec<v1::CallSettled>,
    /// Limits seen in headers, to be told.
    seen: Vec<v1::Observe>,
    /// Said already, and perhaps not heard.
    settled: VecDeque<(Instant, v1::CallSettled)>,
    /// When the last session was lost; none while there is one.
    cut_at: Option<Instant>,
    /// The asks of this session: their numbers and moments.
    asks: VecDeque<(u64, Instant)>,
    last_ask: u64,
}

#[derive(Debug)]
struct Waiting {
    ask: v1::CallAsk,
    granted: oneshot::Sender<Result<Leave, Denied>>,
}

/// When a request may be sent.
#[derive(Debug, Clone, Copy)]
struct Leave {
    from: Instant,
    until: Instant,
}

// === impl Scope ===

impl Scope {
    /// A scope that nobody has said anything of.
    pub(crate) fn open() -> Self {
        Self { governed: AtomicBool::new(false), silent_until_ms: AtomicU64::new(0), started: Instant::now() }
    }

    /// Silence for so long. The longest of several such wishes counts.
    pub(crate) fn pause(&self, pause: Duration) {
        let until = millis(self.started.elapsed()).saturating_add(millis(pause));
        self.silent_until_ms.fetch_max(until, Ordering::AcqRel);
    }

    /// Waits for the silence's end. Without a coordinator's leave to wait for, all who waited would begin in one instant:
    /// they are spread over up to a second.
    pub(crate) async fn silence(&self) {
        while let Some(left) = self.silence_left() {
            let spread = if self.is_governed() { 0.0 } else { rand::random::<f64>() };
            tokio::time::sleep(left + (left / 2).min(Duration::from_secs(1)).mul_f64(spread)).await;
        }
    }

    pub(crate) fn silence_left(&self) -> Option<Duration> {
        let until = self.silent_until_ms.load(Ordering::Acquire);
        if until == 0 {
            return None;
        }
        let left = until.saturating_sub(millis(self.started.elapsed()));
        (left > 0).then(|| Duration::from_millis(left))
    }

    fn is_governed(&self) -> bool {
        self.governed.load(Ordering::Acquire)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

// === impl Shares ===

impl Shares {
    /// For one process: its calls' numbers begin with a random number, so that no earlier process drew them.
    pub(crate) fn new() -> Arc<Self> {
        let process = u64::from(rand::random::<u32>()) << 32;
        Arc::new(Self {
            state: Mutex::default(),
            stirred: Notify::new(),
            next_call: AtomicU64::new(process + 1),
        })
    }

    /// The scope of an account and a pool.
    pub(crate) fn scope(&self, account: &str, pool: &str) -> Arc<Scope> {
        let mut state = self.lock();
        let key = (account.to_owned(), pool.to_owned());
        Arc::clone(state.scopes.entry(key).or_insert_with(|| Arc::new(Scope::open())))
    }

    /// Waits for leave to send a request of a scope; none is needed of one that is not governed.
    pub(crate) async fn ready(
        self: &Arc<Self>,
        scope: &Scope,
        need: &Need,
    ) -> Result<Option<Permit>, Denied> {
        loop {
            scope.silence().await;
            if !scope.is_governed() {
                return Ok(None);
            }
            let (permit, granted) = self.ask(need);
            // The hub outlives its calls; a sender that is dropped was replaced by nothing and is asked for again.
            let Ok(granted) = granted.await else { continue };
            let leave = granted?;
            tokio::time::sleep_until(leave.from).await;
            if Instant::now() < leave.until && scope.silence_left().is_none() {
                return Ok(Some(permit));
            }
            // Too late, or silence was asked for meanwhile: the permit gives back what it got.
        }
    }

    /// A request waits from now on. What is returned first gives it back if it is dropped.
    fn ask(self: &Arc<Self>, need: &Need) -> (Permit, oneshot::Receiver<Result<Leave, Denied>>) {
        let call = self.next_call.fetch_add(1, Ordering::Relaxed);
        let (sender, granted) = oneshot::channel();
        let ask = v1::CallAsk {
            call,
            lease: Some(need.lease.to_wire()),
            turn: need.turn,
            tokens: need.cost.tokens,
            input_tokens: need.cost.input_tokens,
            output_tokens: need.cost.output_tokens,
            worst_micro_usd: need.worst.micro_usd,
            worst_tokens: need.worst.tokens,
            timeout_ms: millis(need.timeout),
        };
        let mut state = self.lock();
        state.waiting.insert(call, Waiting { ask, granted: sender });
        state.unasked.push(call);
        drop(state);
        self.stirred.notify_one();
        (Permit { shares: Arc::clone(self), call, sent: false, settled: false }, granted)
    }

    /// A share came.
    pub(crate) fn share(&self, share: &v1::Share) {
        let mut state = self.lock();
        let asked = state.asks.iter().find(|(number, _)| *number == share.ask).map(|(_, at)| *at);
        let now = Instant::now();
        // Of an ask that is no longer remembered the share is over, too.
        let until = asked.map_or(now, |at| at + SHARE_LIFE);
        let step = Duration::from_millis(u64::from(share.spread_ms))
            / u32::try_from(share.calls.len().max(1)).unwrap_or(u32::MAX);
        let mut from = now;
        for call in &share.calls {
            let leave = Leave { from, until };
            from += step;
            let waiting = state.waiting.remove(call);
            let taken = waiting.is_some_and(|waiting| waiting.granted.send(Ok(leave)).is_ok());
            // Nobody may wait for it any more.
            if !taken {
                state.settle(settled(*call, v1::Fate::Unused));
            }
        }
        drop(state);
        self.stirred.notify_one();
    }

    /// Requests will not be granted.
    pub(crate) fn deny(&self, deny: &v1::Deny) {
        let mut state = self.lock();
        for call in &deny.calls {
            if let Some(waiting) = state.waiting.remove(call) {
                let _nobody_waits = waiting.granted.send(Err(Denied));
            }
        }
    }

    /// The coordinator says how a scope stands. What waits unasked is asked for; what no longer needs leave gets it.
    pub(crate) fn govern(&self, govern: &v1::Govern) {
        let scope = self.scope(&govern.account, &govern.pool);
        scope.governed.store(govern.governed, Ordering::Release);
        if govern.pause_ms > 0 {
            scope.pause(Duration::from_millis(govern.pause_ms));
        }
    }

    /// A provider's headers state lower limits than are known.
    pub(crate) fn observe(&self, seen: v1::Observe) {
        self.lock().seen.push(seen);
        self.stirred.notify_one();
    }

    /// The session is lost. What was said shortly before may not have been heard.
    pub(crate) fn disconnected(&self) {
        self.lock().cut_at.get_or_insert_with(Instant::now);
    }

    /// A new session begins: what waits is asked for anew by the same numbers (what was granted of it and not heard of is
    /// thereby given back), and what was settled lately is settled again.
    pub(crate) fn connected(&self) {
        let mut state = self.lock();
        (state.last_ask, state.unasked) = (0, state.waiting.keys().copied().collect());
        state.asks.clear();
        let horizon = state.horizon();
        let again = state.settled.iter().filter(|(at, _)| horizon.is_none_or(|horizon| *at >= horizon));
        let mut unsettled: Vec<v1::CallSettled> = again.map(|(_, settled)| *settled).collect();
        // What was never said comes last, and is not said twice.
        unsettled.append(&mut state.unsettled);
        (state.unsettled, state.cut_at) = (unsettled, None);
        drop(state);
        self.stirred.notify_one();
    }

    /// Resolves when there is something to say: at once for what is new, and now and then while calls wait.
    pub(crate) async fn next_words(&self) -> Vec<v1::worker_event::Event> {
        loop {
            let waits = !self.lock().waiting.is_empty();
            let again = async {
                if waits {
                    tokio::time::sleep(ASK_AGAIN).await;
                } else {
                    std::future::pending::<()>().await;
                }
            };
            let (asks_anew, ()) = tokio::select! {
                () = self.stirred.notified() => (false, ()),
                () = again => (true, ()),
            };
            let words = self.words(asks_anew);
            if !words.is_empty() {
                return words;
            }
        }
    }

    /// What is to be said now: settles first, since what they give back may be granted to what is asked for.
    fn words(&self, asks_anew: bool) -> Vec<v1::worker_event::Event> {
        use v1::worker_event::Event;
        let mut state = self.lock();
        let mut words: Vec<Event> = std::mem::take(&mut state.seen).into_iter().map(Event::Observe).collect();
        let unsettled = std::mem::take(&mut state.unsettled);
        for calls in unsettled.chunks(CALLS_AN_EVENT) {
            words.push(Event::Settle(v1::Settle { calls: calls.to_vec() }));
        }
        state.said(unsettled);
        let unasked = std::mem::take(&mut state.unasked);
        let asks: Vec<v1::CallAsk> =
            unasked.iter().filter_map(|call| state.waiting.get(call).map(|waiting| waiting.ask)).collect();
        if asks.is_empty() && asks_anew && !state.waiting.is_empty() {
            words.push(Event::Ask(v1::Ask { number: state.number(), calls: Vec::new() }));
        }
        for calls in asks.chunks(CALLS_AN_EVENT) {
            words.push(Event::Ask(v1::Ask { number: state.number(), calls: calls.to_vec() }));
        }
        words
    }

    fn settle(&self, call: v1::CallSettled) {
        let mut state = self.lock();
        state.settle(call);
        drop(state);
        self.stirred.notify_one();
    }

    /// A panic while the lock is held would leave a half-done change; none of the holders panics between two.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl State {
    fn number(&mut self) -> u64 {
        self.last_ask += 1;
        if self.asks.len() >= ASKS_REMEMBERED {
            self.asks.pop_front();
        }
        self.asks.push_back((self.last_ask, Instant::now()));
        self.last_ask
    }

    /// What was said before then was heard: the session went on for long after it.
    fn horizon(&self) -> Option<Instant> {
        self.cut_at.unwrap_or_else(Instant::now).checked_sub(SETTLE_AGAIN)
    }

    fn said(&mut self, settled: Vec<v1::CallSettled>) {
        let (now, horizon) = (Instant::now(), self.horizon());
        while self.settled.front().is_some_and(|(at, _)| horizon.is_some_and(|horizon| *at < horizon)) {
            self.settled.pop_front();
        }
        self.settled.extend(settled.into_iter().map(|settled| (now, settled)));
        let beyond = self.settled.len().saturating_sub(SETTLED_REMEMBERED);
        self.settled.drain(..beyond);
    }

    fn settle(&mut self, settled: v1::CallSettled) {
        if self.waiting.remove(&settled.call).is_some() {
            self.unasked.retain(|call| *call != settled.call);
        }
        self.unsettled.push(settled);
    }
}

// === impl Permit ===

impl Permit {
    /// The request is on its way from now on.
    pub(crate) fn sent(&mut self) {
        self.sent = true;
    }

    /// The request has ended.
    pub(crate) fn settle(mut self, fate: Fate) {
        self.settled = true;
        let mut call = settled(self.call, wire(fate));
        if let Fate::Answered { cost, micro_usd, tokens } = fate {
            (call.tokens, call.input_tokens, call.output_tokens) =
                (cost.tokens, cost.input_tokens, cost.output_tokens);
            (call.micro_usd, call.spent_tokens) = (micro_usd, tokens);
        }
        self.shares.settle(call);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.settled {
            let fate = if self.sent { v1::Fate::Lost } else { v1::Fate::Unused };
            self.shares.settle(settled(self.call, fate));
        }
    }
}

fn settled(call: u64, fate: v1::Fate) -> v1::CallSettled {
    v1::CallSettled { call, fate: fate.into(), ..v1::CallSettled::default() }
}

fn wire(fate: Fate) -> v1::Fate {
    match fate {
        Fate::Answered { .. } => v1::Fate::Answered,
        Fate::Limited => v1::Fate::Limited,
        Fate::Failed => v1::Fate::Failed,
        Fate::Lost => v1::Fate::Lost,
    }
}

#[cfg(test)]
mod tests {
    use v1::worker_event::Event;

    use super::*;
    use crate::lease::Lease;

    const SECOND: Duration = Duration::from_secs(1);

    fn need() -> Need {
        Need {
            lease: Lease { sweep: 1, lane: 0, ordinal: 0, generation: 0, attempt: 1 },
            turn: 0,
            cost: Cost::default(),
            worst: Worst::default(),
            timeout: SECOND,
        }
    }

    fn governed(shares: &Shares, pause_ms: u64) -> Arc<Scope> {
        let (account, pool) = ("a".to_owned(), "p".to_owned());
        shares.govern(&v1::Govern { account, pool, governed: true, pause_ms });
        shares.scope("a", "p")
    }

    type Ready = tokio::task::JoinHandle<Result<Option<Permit>, Denied>>;

    fn waits(shares: &Arc<Shares>, scope: &Arc<Scope>) -> Ready {
        let (shares, scope) = (Arc::clone(shares), Arc::clone(scope));
        tokio::spawn(async move { shares.ready(&scope, &need()).await })
    }

    /// The next ask that names calls: its number and them.
    async fn asked(shares: &Shares) -> (u64, Vec<u64>) {
        loop {
            for event in shares.next_words().await {
                if let Event::Ask(ask) = event
                    && !ask.calls.is_empty()
                {
                    return (ask.number, ask.calls.iter().map(|call| call.call).collect());
                }
            }
        }
    }

    async fn fates(shares: &Shares) -> Vec<v1::Fate> {
        for event in shares.next_words().await {
            if let Event::Settle(settle) = event {
                return settle.calls.iter().map(v1::CallSettled::fate).collect();
            }
        }
        Vec::new()
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_scope_needs_no_leave() {
        let shares = Shares::new();
        let scope = shares.scope("a", "p");
        assert!(matches!(shares.ready(&scope, &need()).await, Ok(None)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_share_is_good_for_two_seconds_from_its_ask_and_not_from_its_coming() {
        let shares = Shares::new();
        let scope = governed(&shares, 0);
        let waiting = waits(&shares, &scope);
        let (ask, calls) = asked(&shares).await;
        tokio::time::advance(2 * SECOND).await;
        shares.share(&v1::Share { ask, calls, spread_ms: 0 });
        let (again, calls) = asked(&shares).await;
        assert!(again > ask, "it came too late, was given back, and is asked for again");
        shares.share(&v1::Share { ask: again, calls, spread_ms: 0 });
        assert!(waiting.await.unwrap().unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_is_asked_anew_every_half_second() {
        let shares = Shares::new();
        let scope = governed(&shares, 0);
        let _waiting = waits(&shares, &scope);
        let (first, _) = asked(&shares).await;
        let begin = Instant::now();
        let words = shares.next_words().await;
        assert!(matches!(&words[..], [Event::Ask(ask)] if ask.number == first + 1 && ask.calls.is_empty()));
        assert_eq!(begin.elapsed(), ASK_AGAIN);
    }

    #[tokio::test(start_paused = true)]
    async fn a_share_given_before_a_silence_is_not_used_in_it() {
        let shares = Shares::new();
        let scope = governed(&shares, 0);
        let waiting = waits(&shares, &scope);
        let (ask, calls) = asked(&shares).await;
        scope.pause(20 * SECOND);
        let begin = Instant::now();
        shares.share(&v1::Share { ask, calls, spread_ms: 0 });
        assert_eq!(fates(&shares).await, [v1::Fate::Unused]);
        let (ask, calls) = asked(&shares).await;
        assert_eq!(begin.elapsed(), 20 * SECOND);
        shares.share(&v1::Share { ask, calls, spread_ms: 0 });
        assert!(waiting.await.unwrap().unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_dropped_is_unused_before_it_was_sent_and_lost_after() {
        for (sent, fate) in [(false, v1::Fate::Unused), (true, v1::Fate::Lost)] {
            let shares = Shares::new();
            let scope = governed(&shares, 0);
            let waiting = waits(&shares, &scope);
            let (ask, calls) = asked(&shares).await;
            shares.share(&v1::Share { ask, calls, spread_ms: 0 });
            let mut permit = waiting.await.unwrap().unwrap().unwrap();
            if sent {
                permit.sent();
            }
            drop(permit);
            assert_eq!(fates(&shares).await, [fate]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_stops_waiting_takes_back_its_ask() {
        let shares = Shares::new();
        let scope = governed(&shares, 0);
        let waiting = waits(&shares, &scope);
        let (ask, calls) = asked(&shares).await;
        waiting.abort();
        assert_eq!(fates(&shares).await, [v1::Fate::Unused]);
        shares.share(&v1::Share { ask, calls, spread_ms: 0 });
        assert_eq!(fates(&shares).await, [v1::Fate::Unused], "granted meanwhile: given back again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_session_asks_anew_and_settles_again_what_was_settled_lately() {
        let shares = Shares::new();
        let scope = governed(&shares, 0);
        let (first, second) = (waits(&shares, &scope), waits(&shares, &scope));
        let (ask, calls) = asked(&shares).await;
        let (answered, still) = (calls[0], calls[1]);
        shares.share(&v1::Share { ask, calls: vec![answered], spread_ms: 0 });
        first.await.unwrap().unwrap().unwrap().settle(Fate::Limited);
        assert_eq!(fates(&shares).await, [v1::Fate::Limited]);
        shares.connected();
        let words = shares.next_words().await;
        let [Event::Settle(settle), Event::Ask(ask)] = &words[..] else { panic!("{words:?}") };
        assert_eq!((settle.calls[0].call, ask.calls[0].call, ask.number), (answered, still, 1));
        second.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn what_ended_in_an_outage_of_an_hour_is_settled_after_it() {
        let shares = Shares::new();
        let scope = governed(&shares, 0);
        let (heard, unheard, unsaid) =
            (waits(&shares, &scope), waits(&shares, &scope), waits(&shares, &scope));
        let (ask, calls) = asked(&shares).await;
        shares.share(&v1::Share { ask, calls: calls.clone(), spread_ms: 0 });
        let [heard, unheard, unsaid] =
            [heard, unheard, unsaid].map(|ready| async { ready.await.unwrap().unwrap().unwrap() });
        heard.await.settle(Fate::Failed);
        assert_eq!(fates(&shares).await, [v1::Fate::Failed]);
        tokio::time::advance(60 * SECOND).await;
        unheard.await.settle(Fate::Lost);
        assert_eq!(fates(&shares).await, [v1::Fate::Lost]);
        shares.disconnected();
        unsaid.await.settle(Fate::Limited);
        tokio::time::advance(3_600 * SECOND).await;
        shares.connected();
        assert_eq!(fates(&shares).await, [v1::Fate::Lost, v1::Fate::Limited]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_quantum_of_shares_is_spread_over_its_time() {
        let shares = Shares::new();
        let scope = governed(&shares, 0);
        let all: Vec<Ready> = (0..10).map(|_| waits(&shares, &scope)).collect();
        let (ask, calls) = asked(&shares).await;
        let begin = Instant::now();
        shares.share(&v1::Share { ask, calls, spread_ms: 100 });
        let mut moments = Vec::new();
        for waiting in all {
            std::mem::forget(waiting.await.unwrap().unwrap());
            moments.push(begin.elapsed().as_millis());
        }
        assert_eq!(moments, [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_denied_call_ends() {
        let shares = Shares::new();
        let scope = governed(&shares, 0);
        let waiting = waits(&shares, &scope);
        let (_, calls) = asked(&shares).await;
        shares.deny(&v1::Deny { calls });
        assert!(matches!(waiting.await.unwrap(), Err(Denied)));
    }
}
