//! A budget that is held at each call's worst case while workers and the coordinator are killed.

use std::time::Duration;

use crate::stage::{Stage, wait};
use muster_tests::Row;

/// The budget in millionths of a dollar.
const BUDGET: f64 = 10_000_000.0;

/// What a call costs in truth, in millionths of a dollar.
const ACTUAL: f64 = 2_000.0;

/// When no more is spent for so long, it is over.
const QUIET: Duration = Duration::from_secs(30);

pub(crate) fn budget() -> Row {
    // A call's output is 20 tokens of a bound of 200: $0.002 of $0.02 at $100 a million tokens out, and nothing for input.
    let options = ["--latency-ms", "50", "--output-tokens", "20", "--price", "0,0,100"];
    let mut stage = Stage::new(&options, 5, 100);
    let model = "{ name = \"openai-api/fake/sim/steady\", max_output_tokens = 200, price = { input = 0, output = 100 } }";
    stage.submit(
        "budget",
        &format!("models = [{model}]\nbudget = {{ usd = 10 }}\n[retry]\ncall_seconds = 30"),
    );
    let (mut last, mut quiet, mut said_held) = (0.0, Duration::ZERO, false);
    for round in 0.. {
        wait(Duration::from_secs(1));
        if round < 12 && round % 3 == 1 {
            stage.kill_oldest();
            stage.join();
        }
        if round == 5 || round == 11 {
            stage.coordinator.kill_9();
            stage.coordinator.restart();
        }
        let calls = stage.provider.account()["calls"].as_f64().expect("a count");
        quiet = if calls > last { Duration::ZERO } else { quiet + Duration::from_secs(1) };
        last = calls;
        said_held |= stage.muster(&["status"]).contains("worst case");
        if quiet >= QUIET || round > 600 {
            break;
        }
    }
    let paid = last * ACTUAL;
    let status: serde_json::Value =
        serde_json::from_str(&stage.muster(&["status", "1", "--json"])).expect("JSON");
    let budget = &status["budgets"][0];
    let (spent, held) =
        (budget["spent_usd"].as_f64().unwrap_or(-1.0), budget["held_usd"].as_f64().unwrap_or(-1.0));
    Row {
        what: "a budget of $10; worst case $0.02, actual $0.002 a call; 500 slots; 4 workers and the coordinator (twice) killed meanwhile".into(),
        reach: "never above $10.00 by the fake's account; >= $9.90 settled or held; `status` says what holds calls down".into(),
        measured: format!(
            "${:.3} paid by the fake's account; ${spent:.3} settled and ${held:.3} held; said: {said_held}",
            paid / 1e6
        ),
        reached: paid <= BUDGET && spent + held >= 9.9 && said_held,
    }
}
