//! What a restart rebuilds is what ran: at any point, from any snapshot before it.

use std::collections::BTreeSet;

use muster_core::{Core, CoreConfig, Effect, Fact, Input, Outcome, Record, Snapshot};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::rig::{Rig, replay};
use crate::script::{Cast, Op, script};

/// Runs a script; the records so far and the state after each step.
fn run(ops: &[Op]) -> Vec<(usize, Snapshot)> {
    run_with_log(ops).0
}

fn run_with_log(ops: &[Op]) -> (Vec<(usize, Snapshot)>, Rig) {
    let mut rig = Rig::new();
    let mut cast = Cast::default();
    let mut states = vec![(rig.log.len(), rig.core.snapshot())];
    for op in ops {
        act(&mut rig, &mut cast, op);
        states.push((rig.log.len(), rig.core.snapshot()));
    }
    (states, rig)
}

fn act(rig: &mut Rig, cast: &mut Cast, op: &Op) -> Vec<Effect> {
    if let Op::Pass { ms } = op {
        rig.now += ms;
    }
    let snapshot = rig.core.snapshot();
    let Some(input) = cast.input(op, |lease| turns_of(&snapshot, lease)) else { return Vec::new() };
    let after = rig.step(input);
    for effect in &after {
        if let Effect::Grant { session, lease, .. } = effect {
            cast.leases.push((*lease, cast.sessions[session.0 as usize]));
        }
    }
    cast.sweeps = snapshot.last_sweep.0;
    after
}

fn turns_of(snapshot: &Snapshot, lease: muster_core::LeaseKey) -> u32 {
    let sweep = snapshot.sweeps.iter().find(|sweep| sweep.id == lease.job.sweep);
    let lane = sweep.map(|sweep| &sweep.lanes[lease.job.lane.0 as usize]);
    let job = lane.and_then(|lane| lane.open.iter().find(|job| job.ordinal == lease.job.ordinal));
    job.map_or(0, |job| job.turns.0)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_core_rebuilt_at_any_point_is_the_one_that_ran(ops in script(80), from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>()) {
        let (states, rig) = run_with_log(&ops);
        let (from, to) = (from.index(states.len()), to.index(states.len()));
        let ((first, snapshot), (last, expected)) = (&states[from.min(to)], &states[from.max(to)]);
        let mut core = Core::restore(CoreConfig::default(), snapshot);
        prop_assert_eq!(&core.snapshot(), snapshot);
        replay(&mut core, &rig.log[*first..*last]);
        prop_assert_eq!(&core.snapshot(), expected);
        let mut from_nothing = Core::new(CoreConfig::default());
        replay(&mut from_nothing, &rig.log);
        prop_assert_eq!(from_nothing.snapshot(), rig.core.snapshot());
        let views: Vec<_> = rig.core.sweeps().collect();
        for (mut rebuilt, mut live) in from_nothing.sweeps().zip(views) {
            forget_waits(&mut rebuilt);
            forget_waits(&mut live);
            prop_assert_eq!(rebuilt, live);
        }
    }

    #[test]
    fn a_script_runs_the_same_way_twice(ops in script(60)) {
        prop_assert_eq!(run(&ops), run(&ops));
    }

    #[test]
    fn a_core_that_lost_any_of_its_records_still_runs(ops in script(60), lost in prop::collection::vec(any::<prop::sample::Index>(), 1..20), more in script(30)) {
        let (_, rig) = run_with_log(&ops);
        let mut damaged = rig.log.clone();
        for index in lost {
            if !damaged.is_empty() {
                damaged.remove(index.index(damaged.len()));
            }
        }
        let mut core = Core::new(CoreConfig::default());
        replay(&mut core, &damaged);
        let mut rig = Rig::of(core);
        let mut cast = Cast::default();
        for op in &more {
            act(&mut rig, &mut cast, op);
        }
        assert_counts_add_up(&rig);
    }
}

/// Whether a wait is over is known to a running core alone.
fn forget_waits(view: &mut muster_core::SweepView) {
    let lanes = view.lanes.iter_mut().map(|lane| &mut lane.counts);
    for counts in lanes.chain([&mut view.counts]) {
        counts.pending += std::mem::take(&mut counts.backoff);
    }
}

pub(crate) fn assert_counts_add_up(rig: &Rig) {
    for lane in rig.core.sweeps().flat_map(|view| view.lanes) {
        let counts = lane.counts;
        let parts = [counts.pending, counts.leased, counts.backoff, counts.ended()];
        assert_eq!(parts.into_iter().map(u128::from).sum::<u128>(), u128::from(counts.jobs), "{counts:?}");
    }
}

#[test]
fn a_tick_long_after_everything_is_harmless() {
    let mut rig = Rig::new();
    rig.now = u64::MAX;
    rig.step(Input::Tick);
    rig.hello(1, 1, &[]);
    rig.step(Input::Tick);
    assert_counts_add_up(&rig);
}

/// The properties are worth nothing if the scripts never go where it matters.
#[test]
fn scripts_reach_every_kind_of_fact_and_of_revocation() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (scripts, mut seen) = (script(120), BTreeSet::new());
    for _ in 0..300 {
        let ops = scripts.new_tree(&mut runner).expect("scripts can be drawn").current();
        let (mut rig, mut cast) = (Rig::new(), Cast::default());
        for op in &ops {
            seen.extend(act(&mut rig, &mut cast, op).iter().filter_map(revocation));
        }
        seen.extend(rig.log.iter().map(kind));
    }
    let expected = [
        "TermBegan",
        "Submitted",
        "Amended",
        "Paused",
        "Resumed",
        "Cancelled",
        "Reopened",
        "LaneStopped",
        "Granted",
        "Reinstated",
        "Returned Failed",
        "Returned Expired",
        "Returned Disowned",
        "Returned Suspected",
        "Restarted",
        "Ended",
        "Ended Quarantined",
        "Wasted",
        "Removed",
        "Turn",
        "revoked Fenced",
        "revoked Cancelled",
        "revoked Stopped",
        "revoked Unknown",
        "revoked Protocol",
    ];
    for kind in expected {
        assert!(seen.contains(kind), "{kind} is not among {seen:?}");
    }
}

fn revocation(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Revoke { reason, .. } => Some(format!("revoked {reason:?}")),
        _ => None,
    }
}

fn kind(record: &Record) -> String {
    let name = |text: String| text.split(['(', ' ']).next().unwrap_or_default().to_owned();
    match record {
        Record::Turn(_) => "Turn".into(),
        Record::Fact(Fact::Returned { cause, .. }) => format!("Returned {}", name(format!("{cause:?}"))),
        Record::Fact(Fact::Ended { outcome: Outcome::Quarantined, .. }) => "Ended Quarantined".into(),
        Record::Fact(fact) => name(format!("{fact:?}")),
    }
}
