//! Shares of projects, sweeps and lanes.

use muster_core::{Input, LeaseKey, SessionId, SweepId, SweepSpec};

use crate::rig::{Rig, scope, spec};

const GRANTS: u64 = 4_000;

/// Grants of each sweep out of the next `GRANTS`, one at a time as slots free up.
fn shares(rig: &mut Rig, session: u64, sweeps: usize) -> Vec<u64> {
    let mut shares = vec![0; sweeps];
    for _ in 0..GRANTS {
        for lease in rig.want(session, 1) {
            shares[lease.job.sweep.0 as usize - 1] += 1;
            rig.outcome(session, lease, 0);
        }
    }
    shares
}

fn sweep(project: &str, weight: u32) -> SweepSpec {
    SweepSpec { project: project.into(), weight, ..spec(1_000, 1_000, 1) }
}

fn assert_within_five_percent(found: &[u64], expected: &[u64]) {
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.abs_diff(*expected) * 20 <= *expected, "{found} beside {expected}");
    }
}

#[test]
fn sweeps_of_a_project_share_by_weight() {
    let mut rig = Rig::new();
    for weight in [1, 1, 2] {
        rig.submit(sweep("p", weight));
    }
    rig.hello(1, 1, &[]);
    assert_within_five_percent(&shares(&mut rig, 1, 3), &[1_000, 1_000, 2_000]);
}

#[test]
fn projects_share_alike_however_many_sweeps_they_have() {
    let mut rig = Rig::new();
    for project in ["p", "p", "p", "q"] {
        rig.submit(sweep(project, 1));
    }
    rig.hello(1, 1, &[]);
    let found = shares(&mut rig, 1, 4);
    assert_within_five_percent(&[found[0] + found[1] + found[2], found[3]], &[2_000, 2_000]);
}

#[test]
fn lanes_of_a_sweep_share_alike() {
    let mut rig = Rig::new();
    rig.submit(spec(1_000, 1_000, 4));
    rig.hello(1, 1, &[]);
    let leases: Vec<LeaseKey> = rig.want(1, GRANTS as u32);
    for lane in 0..4 {
        let found = leases.iter().filter(|lease| lease.job.lane.0 == lane).count() as u64;
        assert_within_five_percent(&[found], &[GRANTS / 4]);
    }
}

#[test]
fn a_throttled_model_never_holds_back_another_and_saves_up_nothing() {
    let mut rig = Rig::new();
    let mut throttled = sweep("p", 1);
    throttled.lanes[0].scope = scope(1);
    rig.submit(throttled);
    rig.submit(sweep("p", 1));
    rig.hello(1, 1, &[]);
    rig.step(Input::Pause { session: SessionId(1), scope: scope(1), pause_ms: 10_000 });
    assert_eq!(shares(&mut rig, 1, 2), vec![0, GRANTS], "the share goes to the other");
    rig.now += 10_000;
    rig.beat(1);
    rig.step(Input::Tick);
    assert_within_five_percent(&shares(&mut rig, 1, 2), &[2_000, 2_000]);
}

#[test]
fn a_sweep_that_comes_late_gets_its_share_and_no_more() {
    let mut rig = Rig::new();
    rig.submit(sweep("p", 1));
    rig.hello(1, 1, &[]);
    shares(&mut rig, 1, 1);
    rig.submit(sweep("p", 1));
    assert_within_five_percent(&shares(&mut rig, 1, 2), &[2_000, 2_000]);
}

#[test]
fn finished_sweeps_take_no_turns() {
    let mut rig = Rig::new();
    rig.hello(1, 1, &[]);
    for _ in 0..200 {
        rig.submit(spec(1, 1, 1));
        let lease = rig.want(1, 1)[0];
        rig.outcome(1, lease, 0);
    }
    let last = rig.submit(sweep("p", 1));
    assert_eq!(last, SweepId(201));
    assert_eq!(shares(&mut rig, 1, 201)[200], GRANTS);
}
