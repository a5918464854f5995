//! Incidents of providers that ask for silence while the coordinator dies.

use muster_core::{Core, CoreConfig, Effect, Fact, Input, LeaseKey, Millis, Record, SessionId};

use crate::limits::{ask, shared};
use crate::rig::{Rig, limited, scope, spec};

fn pause(rig: &mut Rig, pause_ms: u64) -> usize {
    rig.step(Input::Pause { session: SessionId(1), scope: scope(0), pause_ms });
    rig.last.iter().filter(|record| matches!(record, Record::Fact(Fact::Silenced { .. }))).count()
}

fn paused(pause_ms: u64) -> (Rig, LeaseKey) {
    let mut rig = Rig::new();
    rig.submit(limited(spec(9, 1, 1), 6_000));
    rig.hello(1, 1, &[]);
    rig.pass(2_000);
    let lease = rig.want(1, 1)[0];
    pause(&mut rig, pause_ms);
    (rig, lease)
}

#[test]
fn a_coordinator_that_is_killed_in_a_silence_keeps_it() {
    let (rig, lease) = paused(20_000);
    let restored = Rig::of(Core::restore(CoreConfig::default(), &rig.core.snapshot()));
    let mut rig = rig.restart();
    assert_eq!(rig.core.snapshot().silences, restored.core.snapshot().silences);
    let told = rig.hello(1, 1, &[lease]);
    let pause_ms = told.iter().find_map(|effect| match effect {
        Effect::Govern { pause_ms, .. } => Some(*pause_ms),
        _ => None,
    });
    assert_eq!(pause_ms, Some(20_000));
    assert_eq!(rig.want(1, 2), [], "no job of it is granted");
    for number in 1..20 {
        assert_eq!(shared(&ask(&mut rig, number, lease, 1, None)), [0; 0]);
        assert_eq!(shared(&rig.pass(1_000)), [0; 0], "second {number}");
    }
    ask(&mut rig, 20, lease, 1, None);
    assert_eq!(shared(&rig.pass(1_000)), [1]);
}

#[test]
fn a_worker_of_a_scope_without_limits_is_told_of_the_silence_after_a_restart() {
    let (rig, leases) = Rig::running(9, 1);
    let mut core = rig.core;
    core.apply(&Fact::Silenced { scope: scope(0), until: Millis(rig.now + 9_000), at: Millis(rig.now) });
    let mut rig = Rig { now: rig.now, ..Rig::of(Core::restore(CoreConfig::default(), &core.snapshot())) };
    let told = |after: &[Effect]| {
        after.iter().any(|effect| matches!(effect, Effect::Govern { pause_ms: 9_000, governed: false, .. }))
    };
    assert!(told(&rig.hello(1, 1, &leases)));
}

#[test]
fn a_silence_that_all_workers_report_is_journaled_once_and_a_short_one_never() {
    let (mut rig, _) = paused(1_500);
    assert_eq!(rig.core.snapshot().silences, []);
    assert_eq!(pause(&mut rig, 20_000), 1);
    rig.now += 100;
    assert_eq!(pause(&mut rig, 20_000), 0);
    rig.now += 1_000;
    assert_eq!(pause(&mut rig, 20_000), 1, "it was asked for anew");
    assert_eq!(rig.core.snapshot().silences.len(), 1);
}

#[test]
fn a_silence_that_a_clock_set_back_would_make_endless_is_cut_to_the_longest_wait() {
    let (rig, _) = paused(3_600_000);
    let snapshot = rig.core.snapshot();
    let mut core = Core::restore(CoreConfig { max_wait_ms: 60_000, ..CoreConfig::default() }, &snapshot);
    core.begin(Millis(5), &mut muster_core::Effects::default());
    let scope = core.scopes(Millis(5)).next().expect("it is known");
    assert_eq!(scope.paused_until, Some(Millis(60_005)));
}
