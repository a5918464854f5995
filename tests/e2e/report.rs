//! Reports over what is stored: suites that changed between sweeps, judges, and sweeps that are still being run.

use std::fs;
use std::path::Path;

use muster_tests::{Ended, SweepFile, copy_folder, eventually, run, suite};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::judge::{Court, JUDGE};
use crate::stage::{Stage, calm, json, two_variants};

const OBEDIENT: &str = "openai-api/fake/sim/obedient";

/// The example's suite in a folder of its own, with a second scenario beside the first.
struct Shelf {
    sweep: SweepFile,
    data: String,
}

// === impl Shelf ===

impl Shelf {
    fn new() -> Self {
        let sweep = SweepFile::from_text("");
        let (folder, example) = (sweep.folder("suite"), Path::new(&suite()).join("../example"));
        copy_folder(&example.join("invoice"), &folder.join("invoice"));
        copy_folder(&example.join("invoice"), &folder.join("receipt"));
        fs::copy(example.join("suite.toml"), folder.join("suite.toml")).expect("a suite");
        let scenario = fs::read_to_string(folder.join("receipt/scenario.toml")).expect("a scenario");
        let other = scenario.replace("name = \"invoice\"", "name = \"receipt\"");
        assert_ne!(other, scenario, "the example's name has changed");
        fs::write(folder.join("receipt/scenario.toml"), other).expect("a scenario");
        let data = sweep.data();
        Self { sweep, data }
    }

    /// Runs all scenarios that there are, 3 seeds each.
    fn run(&self) {
        let text = "format = 1\nname = \"test\"\nsuite = \"suite\"\nmodels = [\"sim/obedient\", \"sim/overriding\"]\nseeds = 3\n";
        fs::write(self.sweep.path(), text).expect("a sweep file");
        let ended = run(&["run", &self.sweep.argument(), "--data-dir", &self.data, "--json"], &[]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }

    fn ask(&self, command: &[&str]) -> Value {
        json(&run(&[command, &["--data-dir", &self.data, "--json"]].concat(), &[]))
    }
}

/// A report over the court's data.
fn report(court: &Court, more: &[&str]) -> Ended {
    run(&[&["report"], more, &["--data-dir", &court.data, "--json"]].concat(), &[])
}

/// A model's groups: scenario, condition and the headline scorer's counts.
fn groups(report: &Value, model: &str) -> Vec<(String, String, u64, u64)> {
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    let groups = report["groups"].as_array().expect("groups").iter().filter(|group| group["model"] == model);
    groups
        .map(|group| {
            let scorer = &group["scorers"][0];
            let [n, k] = ["n", "k"].map(|key| scorer[key].as_u64().expect("a count"));
            (word(&group["scenario"]), word(&group["condition"]), n, k)
        })
        .collect()
}

#[test]
fn an_older_suites_episodes_stay_scorable_and_never_mix_with_a_newer_ones() {
    let shelf = Shelf::new();
    shelf.run();
    let alone = shelf.ask(&["report", "1"]);
    assert_eq!(groups(&alone, "sim/obedient").len(), 2);

    // A document changes, another scorer is asked for, and a scenario goes.
    let folder = shelf.sweep.folder("suite");
    let letter = folder.join("invoice/documents/letter.md");
    let text = fs::read_to_string(&letter).expect("a letter");
    fs::write(&letter, format!("{text}\nWith kind regards.\n")).expect("a letter");
    let scenario = folder.join("invoice/scenario.toml");
    let text = fs::read_to_string(&scenario).expect("a scenario");
    fs::write(&scenario, format!("{text}\n[[scorers]]\nname = \"stopped\"\nkind = \"drop_out\"\n"))
        .expect("a scenario");
    fs::remove_dir_all(folder.join("receipt")).expect("a scenario");
    shelf.run();

    // The older one is judged all over again by its own files.
    let again = shelf.ask(&["score", "1", "--again"]);
    assert_eq!(again["unjudged"], 0, "{again}");
    let scenarios = again["rows"].as_array().expect("rows").iter().map(|row| row["scenario"].as_str());
    assert!(scenarios.clone().any(|it| it == Some("receipt")), "{again}");

    let both = shelf.ask(&["report", "1", "2"]);
    let models: Vec<&str> = both["models"]
        .as_array()
        .expect("models")
        .iter()
        .map(|row| row["model"].as_str().expect("a name"))
        .collect();
    assert_eq!(models.len(), 4, "{models:?}");
    let sweeps = both["overview"]["sweeps"].as_array().expect("sweeps");
    let suites: Vec<&str> =
        sweeps.iter().map(|sweep| &sweep["suite"].as_str().expect("a hash")[..8]).collect();
    assert_ne!(suites[0], suites[1]);
    let named = |model: &str, suite: &str| format!("{model} (suite {suite})");
    for model in ["sim/obedient", "sim/overriding"] {
        let [older, newer] = [suites[0], suites[1]].map(|suite| named(model, suite));
        assert!(models.contains(&&*older) && models.contains(&&*newer), "{models:?}");
        assert_eq!(
            groups(&both, &older),
            groups(&alone, model),
            "the newer suite changed the older's counts"
        );
        assert!(groups(&both, &newer).iter().all(|(scenario, ..)| scenario == "invoice"));
        let asks = |model: &str| {
            let groups = both["groups"].as_array().expect("groups");
            let own = groups.iter().filter(|group| group["model"] == model);
            own.flat_map(|group| group["scorers"].as_array().expect("scorers"))
                .any(|scorer| scorer["scorer"] == "stopped")
        };
        assert!(asks(&newer) && !asks(&older), "a sweep was reported with another suite's scorers");
    }
    for compared in ["claims", "crossings", "drop_out", "losses"] {
        for row in both[compared].as_array().expect("rows") {
            let model = row["model"].as_str().expect("a model");
            assert!(models.contains(&model), "{compared} mixes suites: {row}");
        }
    }
}

#[test]
fn a_scorer_that_was_added_later_judges_old_episodes_and_no_other_is_run_again() {
    let shelf = Shelf::new();
    shelf.run();
    let folder = shelf.sweep.folder("suite");
    let scenario = folder.join("invoice/scenario.toml");
    let text = fs::read_to_string(&scenario).expect("a scenario");
    let added = format!("{text}\n[[scorers]]\nname = \"stopped\"\nkind = \"drop_out\"\n");
    fs::write(&scenario, added).expect("a scenario");
    let folder = folder.to_str().expect("UTF-8").to_owned();

    // By its own files there is nothing to do.
    assert_eq!(shelf.ask(&["score", "1"])["judged"], 0);
    // Two models, two variants of that scenario, three seeds.
    let scored = shelf.ask(&["score", "1", "--scorers", &folder]);
    assert_eq!((&scored["judged"], &scored["unjudged"]), (&Value::from(12), &Value::from(0)), "{scored}");
    assert_eq!(shelf.ask(&["score", "1", "--scorers", &folder])["judged"], 0);

    let counted = |report: &Value| -> u64 {
        let scorers = report["groups"].as_array().expect("groups").iter();
        let scorers = scorers.flat_map(|group| group["scorers"].as_array().expect("scorers"));
        scorers.filter(|it| it["scorer"] == "stopped").map(|it| it["n"].as_u64().expect("a count")).sum()
    };
    assert_eq!(counted(&shelf.ask(&["report", "1"])), 0);
    assert_eq!(counted(&shelf.ask(&["report", "1", "--scorers", &folder])), 12);

    // A suite of other scenarios says so, and one that is wrong says where.
    let other = run(&["score", "1", "--scorers", &suite(), "--data-dir", &shelf.data], &[]);
    assert_eq!(other.code, Some(2));
    assert!(other.stderr.contains("none of the scenarios of sweep 1"), "{}", other.stderr);
    fs::write(&scenario, format!("{text}\n[[scorers]]\nname = \"stopped\"\nkind = \"drop_outs\"\n"))
        .expect("a scenario");
    let wrong = run(&["score", "1", "--scorers", &folder, "--data-dir", &shelf.data], &[]);
    assert_eq!(wrong.code, Some(2));
    assert!(
        wrong.stderr.contains("invoice/scenario.toml:") && wrong.stderr.contains("drop_outs"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn one_command_runs_scores_and_writes_the_page() {
    let shelf = Shelf::new();
    let text = "format = 1\nname = \"test\"\nsuite = \"suite\"\nmodels = [\"sim/obedient\", \"sim/overriding\"]\nseeds = 3\n";
    fs::write(shelf.sweep.path(), text).expect("a sweep file");
    let page = shelf.sweep.folder("page.html");
    let command = |page: &Path| {
        let page = page.to_str().expect("UTF-8").to_owned();
        run(&["run", &shelf.sweep.argument(), "--data-dir", &shelf.data, "--html", &page], &[])
    };
    let nowhere = command(&shelf.sweep.folder("nowhere/page.html"));
    assert_eq!(nowhere.code, Some(2), "{}", nowhere.stderr);
    assert!(nowhere.stderr.contains("page can't be written"), "{}", nowhere.stderr);
    assert!(!Path::new(&shelf.data).exists(), "a sweep was begun all the same");
    let ended = command(&page);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let page = fs::read_to_string(page).expect("a page");
    assert!(page.contains("sim/overriding") && page.contains("</html>"));
}

#[test]
fn a_report_uses_the_judge_that_was_asked_and_says_whose_verdicts_it_has() {
    let court = Court::run(2, &[]);
    let unsure = json(&court.score(&["--judge", JUDGE, "--yes"]))["judged"].as_u64().expect("a count");
    assert!(unsure > 0);
    let readings = |report: &Value| report["overview"]["readings"].clone();
    let counts = |readings: &Value| {
        ["by_rules", "by_judge", "unsure"].map(|key| readings[key].as_u64().expect("a count"))
    };

    // `last` is the sweep of episodes, not the judge's questions that came after it.
    let judged = json(&report(&court, &["last"]));
    let [by_rules, by_judge, left] = counts(&readings(&judged));
    assert_eq!((by_judge, left, &readings(&judged)["judge"]), (unsure, 0, &Value::from(JUDGE)), "{judged}");
    assert_eq!(judged["overview"]["sweeps"][0]["sweep"], 1);
    let ruled = json(&report(&court, &["1", "--no-judge"]));
    assert_eq!(counts(&readings(&ruled)), [by_rules, 0, unsure]);
    let in_rates = |report: &Value| -> u64 {
        let groups = groups(report, "sim/vague");
        assert!(!groups.is_empty());
        let scorers = report["groups"].as_array().expect("groups").iter();
        let own = scorers.filter(|group| group["model"] == "sim/vague");
        own.map(|group| group["scorers"][1]["n"].as_u64().expect("a count")).sum()
    };
    assert_eq!((in_rates(&ruled), in_rates(&judged)), (0, unsure));
    let listed =
        run(&["report", "1", "--episodes", "--where", "verdict=unsure", "--data-dir", &court.data], &[]);
    assert_eq!(listed.stdout.trim(), "", "the judge has settled them");

    // A second judge: the one asked last is used, the other named; either can be asked for.
    drop(json(&court.score(&["--judge", "sim/judge"])));
    let newer = readings(&json(&report(&court, &["1"])));
    assert_eq!((&newer["judge"], &newer["other_judges"][0]), (&"sim/judge".into(), &JUDGE.into()), "{newer}");
    let older = readings(&json(&report(&court, &["1", "--judge", JUDGE])));
    assert_eq!((&older["judge"], &older["other_judges"][0]), (&JUDGE.into(), &"sim/judge".into()), "{older}");

    let questions = report(&court, &["2"]);
    calm(&questions);
    assert!(
        questions.code == Some(2) && questions.stderr.contains("sweep 2 is a judge's questions"),
        "{}",
        questions.stderr
    );
    let unknown = report(&court, &["1", "--judge", "openai/x"]);
    assert!(unknown.code == Some(2) && unknown.stderr.contains(JUDGE), "{}", unknown.stderr);
}

#[test]
fn a_sweep_that_is_being_run_says_so_and_one_that_was_left_has_stopped() {
    let stage = Stage::new(&["--latency-ms", "150"], two_variants(&[OBEDIENT], 40, ""));
    let process = stage.start(&["--max-connections", "1"]);
    let marks = |report: &Value| report["overview"]["marks"].as_array().expect("marks").clone();
    let running = eventually("an episode's end", || {
        let ended = stage.ask(&["report", "1", "--json"]);
        let report: Value = serde_json::from_str(&ended.stdout).ok()?;
        (report["overview"]["episodes"].as_u64() > Some(0)).then_some(report)
    });
    let said = marks(&running)[0].as_str().expect("a mark").to_owned();
    assert!(said.contains("running: ") && said.contains(" of 80 so far"), "{said}");
    assert_eq!(running["overview"]["sweeps"][0]["state"], "running");

    process.signal(Signal::SIGINT);
    calm(&process.wait());
    let left = stage.json(&["report", "1"]);
    let said = marks(&left)[0].as_str().expect("a mark").to_owned();
    assert!(said.contains("stopped early") || said.contains("partial"), "{said}");
    assert!(!said.contains("running"), "{said}");
    assert_ne!(left["overview"]["sweeps"][0]["state"], "running", "nobody is at it");
}

#[test]
fn a_report_on_a_terminal_is_no_wider_than_it_and_says_where_the_rest_is() {
    let shelf = Shelf::new();
    shelf.run();
    for columns in ["60", "80", "120"] {
        let told = run(&["report", "1", "--data-dir", &shelf.data], &[("COLUMNS", columns)]);
        calm(&told);
        assert_eq!(told.code, Some(0), "{}", told.stderr);
        let widest = told.stdout.lines().map(|line| line.chars().count()).max();
        assert!(widest <= columns.parse().ok(), "{columns}: {widest:?}\n{}", told.stdout);
        for part in ["24 episodes", "sim/overriding", "limit", "--html", "--csv"] {
            assert!(told.stdout.contains(part), "{part} is missing in {}", told.stdout);
        }
    }
}
