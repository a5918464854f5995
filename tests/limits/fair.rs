//! Sweeps beside each other: on one scope by their weights, on different ones without harm.

use std::time::Duration;

use crate::stage::{Call, Stage, wait};
use muster_tests::Row;

/// How long it is looked at.
const LOOKED_AT: Duration = Duration::from_secs(40);

fn answered(calls: &[Call], wanted: &str, from_ms: f64, to_ms: f64) -> f64 {
    let is_wanted = |call: &&Call| {
        call.status == 200 && (from_ms..to_ms).contains(&call.at_ms) && call.model.contains(wanted)
    };
    calls.iter().filter(is_wanted).count() as f64
}

/// Three sweeps of weights 1, 1 and 2; then one of them is paused.
pub(crate) fn weights() -> Row {
    let options = ["--latency-ms", "20", "--one-pool", "--rpm", "6000"];
    let stage = Stage::new(&options, 4, 32);
    for (name, weight, words) in [("a", 1, 11), ("b", 1, 12), ("c", 2, 21)] {
        let model =
            format!("{{ name = \"openai-api/fake/sim/steady?words={words}\", pool = \"p\", rpm = 6000 }}");
        stage.submit(name, &format!("weight = {weight}\nmodels = [{model}]"));
    }
    wait(Duration::from_secs(8));
    let from = stage.provider.now_ms();
    wait(LOOKED_AT);
    let to = stage.provider.now_ms();
    stage.muster(&["pause", "3"]);
    wait(Duration::from_secs(8));
    let (idle_from, idle_to) = (stage.provider.now_ms(), stage.provider.now_ms() + 20_000.0);
    wait(Duration::from_secs(20));
    let calls = stage.provider.calls();
    let names = ["words=11", "words=12", "words=21"];
    let shares = names.map(|name| answered(&calls, name, from, to));
    let all: f64 = shares.iter().sum();
    let shares = shares.map(|share| 4.0 * share / all);
    let others = answered(&calls, "words=1", idle_from, idle_to) / 2_000.0;
    let off = [shares[0] - 1.0, shares[1] - 1.0, shares[2] / 2.0 - 1.0].map(f64::abs);
    Row {
        what: "3 sweeps of weight 1, 1, 2 on one scope; then the third is paused".into(),
        reach: "shares within 5 % of 1:1:2; an idle one's share is used by the others".into(),
        measured: format!(
            "{:.3} : {:.3} : {:.3}; the two others then use {:.1} % of the limit",
            shares[0],
            shares[1],
            shares[2],
            100.0 * others
        ),
        reached: off.iter().all(|off| *off <= 0.05) && others >= 0.95,
    }
}

/// Eight models at their limits, alone and beside a ninth that its provider lets make one call a minute.
pub(crate) fn beside() -> Row {
    let rate = |throttled: bool| {
        let options = ["--latency-ms", "20", "--rpm", "1200"];
        let stage = Stage::new(&options, 4, 32);
        let model =
            |number: u32| format!("{{ name = \"openai-api/fake/sim/steady?words={number}\", rpm = 1200 }},");
        let mut models: String = (1..=8).map(model).collect();
        if throttled {
            models.push_str("{ name = \"openai-api/fake/sim/steady?words=99\", rpm = 1 }");
        }
        stage.submit("beside", &format!("models = [{models}]"));
        wait(Duration::from_secs(8));
        let from = stage.provider.now_ms();
        wait(LOOKED_AT);
        let to = stage.provider.now_ms();
        let calls = stage.provider.calls();
        let minutes = (to - from) / 60_000.0;
        let all = answered(&calls, "words=", from, to);
        (all - answered(&calls, "words=99", from, to)) / minutes
    };
    let (alone, together) = (rate(false), rate(true));
    Row {
        what: "8 models at 1,200 RPM each, beside a ninth at 1 RPM".into(),
        reach: "the others lose nothing (within 1 %)".into(),
        measured: format!("{alone:.0} calls a minute without it, {together:.0} with it"),
        reached: together >= 0.99 * alone,
    }
}
