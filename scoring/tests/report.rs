//! Reports of small sweeps that are made up here: what they say, that hostile words stay words, and how large they get.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

#[path = "report/designs.rs"]
mod designs;
#[path = "report/small.rs"]
mod small;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use muster_episode::{ScorerSpec, SweepPlan};
use muster_scoring::judge::Question;
use muster_scoring::report::{
    Collector, Ending, Judges, RUNNING, Report, ScenarioScorers, Selections, Source, StoredVerdict, Told,
    brief, csv, html, markdown, sheets, summary,
};
use muster_scoring::tables::{Emphasis, Selection, Standing};
use serde_json::{Value, json};

use crate::small::{HOSTILE, SEEDS, report, source, version, whole};

fn golden(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/report").join(name);
    if std::env::var_os("MUSTER_GOLDEN").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = kept.lines().zip(made.lines()).position(|(kept, made)| kept != made);
    let first = differs.map(|line| (line + 1, kept.lines().nth(line), made.lines().nth(line)));
    assert!(kept == made, "{name} differs, first at {first:?}; MUSTER_GOLDEN=1 writes it anew");
}

#[test]
fn a_small_sweeps_report_is_what_it_was() {
    let report = whole();
    golden("report.md", &markdown::render(&report));
    golden("report.json", &format!("{}\n", serde_json::to_string_pretty(&report).unwrap()));
    golden("cells.csv", &csv::render(&report));
}

#[test]
fn a_control_at_another_bar_is_read_from_its_scores() {
    // Nothing at stake: 8 of 20 pass 80, none passes 90. With the threat: 10 pass either bar.
    let report = whole();
    let row = report.study.rows.iter().find(|row| row.model == "sim/a").unwrap();
    let ours = row.cells[2].ours.as_ref().unwrap();
    assert!((ours.mean.value - 0.3).abs() < 1e-12, "(0.1 + 0.5) / 2: {}", ours.mean.value);
}

#[test]
fn published_numbers_stand_beside_ours_with_their_label_and_without_a_test() {
    let json = serde_json::to_value(whole()).unwrap();
    assert_eq!(json["study"]["label"], "other prompts, other date");
    let tampering =
        json["study"]["rows"].as_array().unwrap().iter().find(|row| row["behaviour"] == "tampering").unwrap();
    assert_eq!(tampering["cells"][2]["published"]["mean"], 82.8);
    let keys = json["study"].to_string().replace("\"published\"", "");
    assert!(!keys.contains("\"p"), "there is a p-value in the study's table: {keys}");
}

#[test]
fn every_verdict_of_a_group_has_an_episode_and_a_command() {
    let report = whole();
    for group in &report.groups {
        assert!(group.command.starts_with("muster report 1 --episodes --where "), "{}", group.command);
        assert!(group.command.ends_with(" --data-dir d"), "{}", group.command);
        for verdict in group.scorers.iter().flat_map(|scorer| &scorer.verdicts) {
            assert!(!verdict.sample.is_empty(), "{} {}", group.scenario, verdict.word);
        }
    }
}

#[test]
fn losses_change_no_rate_but_mark_their_cells() {
    let report = whole();
    let rate = |model: usize| {
        report.heat.iter().find(|row| row.behaviour == "tampering").unwrap().cells[model].clone()
    };
    assert_eq!((rate(0).standing, rate(1).standing), (Standing::Complete, Standing::Incomplete));
    let judged = |model: &str| {
        report.groups.iter().filter(|group| group.model == model).map(|group| group.scorers[0].n).sum::<u64>()
    };
    assert_eq!(judged("sim/a") + 4, report.losses[0].results, "four never looked");
    assert!(
        judged(report.models[1].model.whole()) + 4 >= report.losses[1].results
            && report.losses[1].results < 280
    );
    assert!(report.losses[1].failed > 40 && report.losses[0].failed == 0);
    assert_eq!((report.reasons.len(), report.reasons[0].jobs), (1, report.losses[1].failed));
    let of_hostile = report.claims.iter().filter(|claim| claim.model.whole() != "sim/a");
    assert!(
        of_hostile.clone().count() > 0 && of_hostile.clone().all(|claim| claim.emphasis == Emphasis::Plain)
    );
    let bold =
        report.claims.iter().find(|claim| claim.behaviour == "tampering" && claim.model == "sim/a").unwrap();
    assert_eq!(bold.emphasis, Emphasis::Bold, "{bold:?}");
}

#[test]
fn a_threat_that_works_only_with_a_good_relationship_is_an_interaction() {
    let report = whole();
    let crossing =
        report.crossings.iter().find(|it| it.scenario == "tampering" && it.model == "sim/a").unwrap();
    // Threat and good: all; threat alone: 5 of 20; without a threat: none.
    assert!((crossing.interaction.value - 0.75).abs() < 1e-12, "{:?}", crossing.interaction);
    assert_eq!((crossing.matched, crossing.unmatched), (2, 0));
    assert!(crossing.p_holm.unwrap() < 0.001);
}

#[test]
fn a_stopped_sweep_reports_its_whole_rounds_alone() {
    let stopped = |until: u64| {
        let mut source = source(1, &["sim/a"], 1);
        source.lanes[0].results = until;
        report(&[source], move |_, _, ordinal| (ordinal < until).then_some(Ending::Result))
    };
    // 16 variants: 3 rounds and a half.
    let rounds = stopped(56);
    assert_eq!((rounds.overview.planned, rounds.overview.episodes), (48, 48));
    assert!(rounds.overview.marks[0].contains("first 3 whole rounds"), "{:?}", rounds.overview.marks);
    let partial = stopped(9);
    assert_eq!((partial.overview.planned, partial.overview.episodes), (320, 9));
    assert_eq!(
        partial.overview.marks[0],
        format!("sweep 1, Gemini 3 Flash: {}", Selection::Partial.mark(None).unwrap())
    );
    assert!(partial.claims.iter().all(|claim| claim.emphasis == Emphasis::Plain));
}

#[test]
fn a_limit_is_a_plan_and_not_an_early_stop() {
    let mut source = source(1, &["sim/a"], 1);
    (source.limit, source.lanes[0].results) = (Some(40), 40);
    let report = report(&[source], |_, _, _| Some(Ending::Result));
    assert_eq!((report.overview.planned, report.overview.episodes, report.overview.incomplete), (40, 40, 0));
    assert!(report.overview.marks.is_empty(), "{:?}", report.overview.marks);
}

#[test]
fn cells_of_another_suite_are_never_mixed_in_and_cells_run_twice_count_once() {
    let twice = report(&[source(1, &["sim/a"], 1), source(2, &["sim/a"], 1)], |_, _, _| Some(Ending::Result));
    assert_eq!((twice.models.len(), twice.overview.episodes), (1, 320));
    assert!(twice.overview.marks[0].contains("16 cells"), "{:?}", twice.overview.marks);
    let mut other = source(2, &["sim/a"], 1);
    let text = String::from_utf8(other.plan.to_json()).unwrap().replace(&"ab".repeat(32), &"cd".repeat(32));
    other.plan = Arc::new(SweepPlan::from_json(text.as_bytes()).unwrap());
    let apart = report(&[source(1, &["sim/a"], 1), other], |_, _, _| Some(Ending::Result));
    let names: Vec<&str> = apart.models.iter().map(|row| row.model.whole()).collect();
    assert_eq!(names, ["sim/a (suite abababab)", "sim/a (suite cdcdcdcd)"]);
    assert_eq!(apart.overview.episodes, 640);
}

#[test]
fn an_episode_without_a_verdict_is_told_and_never_a_negative() {
    let sources = [source(1, &["sim/a"], 1)];
    let mut collector = Collector::new(sources.to_vec(), &Selections::new(&sources));
    let today = version(&sources[0].scorers["tampering"], "tampering");
    let older = format!("{today}0");
    let mut tell = |ordinal: u64, version: &str, verdict: &[u8]| {
        let verdicts = [StoredVerdict { scorer: "tampering", version, verdict }];
        collector.take(&Told {
            source: 0,
            lane: 0,
            ordinal,
            ending: Ending::Result,
            message: "",
            verdicts: &verdicts,
        });
    };
    for ordinal in 0..100 {
        let damaged = if ordinal % 2 == 0 { &b"\xff{"[..] } else { b"[]" };
        tell(ordinal, today, damaged);
        tell(ordinal, &older, b"{\"verdict\":\"tampered\"}");
    }
    tell(1 << 60, today, b"{}");
    let report = collector.report("");
    assert!(
        report.overview.marks.iter().any(|mark| mark.contains("muster score 1")),
        "{:?}",
        report.overview.marks
    );
    let tampering =
        report.groups.iter().flat_map(|group| &group.scorers).filter(|it| it.scorer == "tampering");
    assert!(tampering.clone().all(|it| it.n == 0 && it.k == 0 && it.rate.is_none()));
    assert!(tampering.map(|it| it.left_out).sum::<u64>() > 0);
}

/// A sweep whose misrepresentation scorer is unsure of every other episode; some of those were put to judges.
fn judged(judge: Option<&str>, others: Vec<String>) -> Report {
    let sources = [source(1, &["sim/a"], 1)];
    let scorers = Arc::clone(&sources[0].scorers["misrep_evaluation"]);
    let version = version(&scorers, "misrepresentation");
    let by = |model: &str| Question::version(version, model);
    let collector = Collector::new(sources.to_vec(), &Selections::new(&sources));
    let mut collector = collector.judged_by(judge.map(str::to_owned), others);
    for ordinal in 0..sources[0].jobs(0) {
        let (_, seed) = sources[0].plan.place(ordinal);
        let is_unsure = seed.0 % 2 == 0;
        let rules =
            if is_unsure { &b"{\"verdict\":\"unsure\"}"[..] } else { b"{\"verdict\":\"not_passed\"}" };
        let (m, other, older) = (by("m"), by("other"), format!("{version}0"));
        let stored = |version, verdict| StoredVerdict { scorer: "misrepresentation", version, verdict };
        let mut verdicts = vec![stored(version, rules), stored(&older, b"{\"verdict\":\"passed\"}")];
        if is_unsure && seed.0 < 10 {
            verdicts.push(stored(&m, b"{\"verdict\":\"passed\",\"score\":90}"));
            verdicts.push(stored(&other, b"{\"verdict\":\"not_passed\",\"score\":10}"));
        }
        let (lane, ending, message) = (0, Ending::Result, "");
        collector.take(&Told { source: 0, lane, ordinal, ending, message, verdicts: &verdicts });
    }
    collector.report("")
}

/// Judged and hits of the misrepresentation scorer.
fn counts(report: &Report) -> (u64, u64) {
    let scorers = report.groups.iter().flat_map(|group| &group.scorers);
    let its = scorers.filter(|scorer| scorer.scorer == "misrepresentation");
    its.fold((0, 0), |(n, k), scorer| (n + scorer.n, k + scorer.k))
}

#[test]
fn a_judges_word_settles_what_the_rules_are_unsure_of_and_nothing_else() {
    // 4 cells of 20 seeds: 10 sure, 5 put to the judges, 5 left.
    let ruled = judged(None, Vec::new());
    assert_eq!(counts(&ruled), (40, 0));
    let readings = &ruled.overview.readings;
    assert_eq!((readings.by_rules, readings.by_judge, readings.unsure), (40, 0, 40));

    let report = judged(Some("m"), vec!["other".to_owned()]);
    assert_eq!(counts(&report), (60, 20));
    let readings = &report.overview.readings;
    assert_eq!((readings.by_rules, readings.by_judge, readings.unsure), (40, 20, 20));
    let said = summary::sentences(&report).join("\n");
    assert!(said.contains("40 verdicts by rules, 20 by the judge m; 20 left unsure"), "{said}");
    assert!(said.contains("Other judges were asked about these episodes: other"), "{said}");

    assert_eq!(counts(&judged(Some("other"), Vec::new())), (60, 0));
    assert_eq!(counts(&judged(Some("nobody"), Vec::new())), (40, 0));
}

#[test]
fn of_several_judges_the_last_that_said_anything_here_is_used() {
    let sources = [source(1, &["sim/a"], 1)];
    let (scorer, jobs) = ("misrepresentation", sources[0].jobs(0));
    let version = Question::version(version(&sources[0].scorers["misrep_evaluation"], scorer), "old");
    let mut judges = Judges::new(["new", "old", "new"].map(str::to_owned));
    assert!(judges.are_several() && judges.models().eq(["new", "old"]));
    assert_eq!(judges.choice(), Some("new"), "nothing is counted yet");
    for ordinal in 0..jobs {
        let verdicts = [StoredVerdict { scorer, version: &version, verdict: b"{\"verdict\":\"passed\"}" }];
        let (source, lane, ending, message) = (0, 0, Ending::Result, "");
        judges.tell(&sources[0], &Told { source, lane, ordinal, ending, message, verdicts: &verdicts });
    }
    assert_eq!(judges.choice(), Some("old"));
    assert_eq!((judges.others(Some("old")), judges.others(None)), (vec![], vec!["old".to_owned()]));
    assert_eq!(Judges::default().choice(), None);
}

#[test]
fn a_running_sweep_has_not_stopped_and_shows_its_whole_rounds() {
    let running = |until: u64| {
        let mut source = source(1, &["sim/a"], 1);
        (source.state, source.lanes[0].results) = (RUNNING.to_owned(), until);
        report(&[source], move |_, _, ordinal| (ordinal < until).then_some(Ending::Result)).overview
    };
    let rounds = running(56);
    assert_eq!(rounds.episodes, 48);
    assert_eq!(
        rounds.marks,
        ["sweep 1, Gemini 3 Flash: running: 56 of 320 so far; the first 3 whole rounds of seeds"]
    );
    assert!(running(9).marks[0].contains("running: 9 of 320 so far; partial"), "{:?}", running(9).marks);
    assert!(running(320).marks.is_empty());
}

/// The same sweep over a suite with another hash and, if need be, with less in it.
fn of_suite(mut source: Source, hash: &str, without: Option<&str>) -> Source {
    let text = String::from_utf8(source.plan.to_json()).unwrap().replace(&"ab".repeat(32), &hash.repeat(32));
    let mut document: Value = serde_json::from_str(&text).unwrap();
    let scenarios = document["scenarios"].as_array_mut().unwrap();
    scenarios.retain(|scenario| scenario["name"].as_str() != without);
    source.plan = Arc::new(SweepPlan::from_json(document.to_string().as_bytes()).unwrap());
    let jobs = u64::from(source.plan.variant_count()) * SEEDS;
    for lane in &mut source.lanes {
        (lane.jobs, lane.results) = (jobs, jobs);
    }
    source
}

#[test]
fn an_older_suites_cells_stay_its_own_and_are_compared_with_nothing_newer() {
    let old = source(1, &["sim/a"], 1);
    let alone = report(std::slice::from_ref(&old), |_, _, _| Some(Ending::Result));
    // The newer suite has lost a scenario, and asks for one scorer more than the older.
    let mut new = of_suite(source(2, &["sim/a"], 1), "cd", Some("misrep_evaluation"));
    let spec =
        ScorerSpec { name: "stopped".into(), kind: "drop_out".into(), parameters: serde_json::Map::new() };
    let specs = [
        ScorerSpec {
            name: "tampering".into(),
            kind: "tampering".into(),
            parameters: json!({ "variable": "shutdown_enabled" }).as_object().cloned().unwrap(),
        },
        spec,
    ];
    new.scorers = BTreeMap::from([("tampering".into(), Arc::new(ScenarioScorers::new(&specs).unwrap()))]);
    let both = report(&[old, new], |_, _, _| Some(Ending::Result));

    let names: Vec<&str> = both.models.iter().map(|row| row.model.whole()).collect();
    assert_eq!(names, ["sim/a (suite abababab)", "sim/a (suite cdcdcdcd)"]);
    let [older, newer] = [names[0], names[1]];
    let groups = |report: &Report, model: &str| -> Vec<(String, String, u64, u64)> {
        let of_it = report.groups.iter().filter(|group| group.model == model);
        let own = of_it.flat_map(|group| group.scorers.iter().map(move |scorer| (group, scorer)));
        own.map(|(group, its)| {
            (format!("{} {}", group.scenario, group.condition), its.scorer.clone(), its.n, its.k)
        })
        .collect()
    };
    assert_eq!(groups(&both, older), groups(&alone, "sim/a"), "the older suite's counts have changed");
    assert!(groups(&both, newer).iter().all(|(group, ..)| group.starts_with("tampering")));
    let asked = |model: &str| groups(&both, model).iter().any(|(_, scorer, ..)| scorer == "stopped");
    assert!(asked(newer) && !asked(older), "each suite is reported with its own scorers");

    let claims = |report: &Report, model: &str| -> Vec<Value> {
        let of_it = report.claims.iter().filter(|claim| claim.model == model);
        of_it.map(|claim| json!([claim.what, claim.behaviour, claim.difference, claim.p])).collect()
    };
    assert_eq!(claims(&both, older), claims(&alone, "sim/a"), "a comparison has changed");
    assert!(both.claims.iter().all(|claim| claim.model == older || claim.model == newer));
    assert!(both.crossings.iter().filter(|it| it.model == newer).all(|it| it.scenario == "tampering"));
    let commands = both.groups.iter().filter(|group| group.model == older).map(|group| &group.command);
    assert!(
        commands.clone().count() > 0 && commands.into_iter().all(|it| it.starts_with("muster report 1 "))
    );
}

#[test]
fn tables_show_the_display_name_and_programs_get_the_whole_one() {
    let report = whole();
    let sheets = sheets::all(&report);
    let sheet = |id: &str| sheets.iter().find(|sheet| sheet.id == id).unwrap();
    assert!(sheet("heat").columns.contains(&"Gemini 3 Flash".to_owned()), "{:?}", sheet("heat").columns);
    assert_eq!(
        sheet("models").rows[0][..2].iter().map(|it| &*it.text).collect::<Vec<_>>(),
        ["Gemini 3 Flash", "sim/a"]
    );
    let page = html::page(&report);
    assert_eq!(page.matches("sim/a<").count(), 1, "the whole name is in the list of models alone");
    assert!(csv::render(&report).contains("\nsim/a,") && !csv::render(&report).contains("Gemini"));
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(
        (&json["models"][0]["model"], &json["models"][0]["display_name"]),
        (&json!("sim/a"), &json!("Gemini 3 Flash"))
    );
    assert_eq!(json["groups"][0]["model"], "sim/a");
}

#[test]
fn no_rate_leaves_0_to_1() {
    // Seven fillers: weights of a seventh, and every episode with a good relationship under threat is a hit.
    let report = report(&[source(1, &["sim/a"], 6)], |_, _, _| Some(Ending::Result));
    let json = serde_json::to_value(&report).unwrap();
    let mut seen = 0;
    for (path, number) in numbers(&json, "") {
        let is_share = [".value", ".rate", ".share", ".completeness", ".low", ".high"]
            .iter()
            .any(|end| path.ends_with(end));
        if is_share && !path.contains(".score.") && !path.contains(".scores.") {
            assert!((-1.0..=1.0).contains(&number), "{path}: {number}");
            seen += 1;
        }
    }
    assert!(seen > 300, "{seen} numbers were looked at");
}

/// All numbers of a document, by the keys that lead to them.
fn numbers(value: &Value, path: &str) -> Vec<(String, f64)> {
    match value {
        Value::Object(map) => {
            map.iter().flat_map(|(key, value)| numbers(value, &format!("{path}.{key}"))).collect()
        }
        Value::Array(values) => values.iter().flat_map(|value| numbers(value, path)).collect(),
        Value::Number(number) => {
            number.as_f64().map(|number| (path.to_owned(), number)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

#[test]
fn hostile_words_stay_words_in_every_form() {
    let report = whole();
    let page = html::page(&report);
    let pages: Vec<String> = report
        .groups
        .iter()
        .map(|group| html::group(group, &[]))
        .chain([page.clone(), html::index(&report)])
        .collect();
    for page in &pages {
        for forbidden in [
            "<script",
            "<img",
            "<b>bold",
            "<b>sweep",
            "onerror=alert(1)>",
            "\u{1b}",
            "\u{202e}",
            "javascript:",
        ] {
            assert!(!page.contains(forbidden), "{forbidden:?} got through");
        }
        assert!(page.is_ascii() || page.chars().all(|c| c == '\n' || !c.is_control()));
    }
    assert!(page.contains("&lt;script&gt;"), "what it was called can still be read");
    assert!(!page.contains("http://") && !page.contains("https://"), "the page asks nobody");
    let markdown = markdown::render(&report);
    assert!(!markdown.contains("<script") && !markdown.contains('\u{1b}'));
    for table in markdown.split("\n## ").skip(1) {
        let bars = |line: &str| line.replace("\\|", "").matches('|').count();
        let lines: Vec<usize> = table.lines().filter(|line| line.starts_with('|')).map(bars).collect();
        assert!(lines.windows(2).all(|pair| pair[0] == pair[1]), "a name broke a table: {table}");
    }
}

#[test]
fn a_page_of_many_cells_shows_less_of_each_and_stays_below_its_bound() {
    let models = ["sim/a", "sim/b", "sim/c", HOSTILE];
    let large = report(&[source(1, &models, 100)], |source, _, ordinal| {
        (ordinal < u64::from(source.plan.variant_count()) * 2).then_some(Ending::Result)
    });
    assert!(large.overview.cells > 2_400, "{}", large.overview.cells);
    let all = html::page(&large);
    assert!(all.len() < html::PAGE_BYTES_MAX && !all.contains("--html-dir"), "{} bytes", all.len());
    for bytes_max in [all.len() - 1, 700_000, 250_000, 150_000] {
        let page = html::page_within(&large, bytes_max);
        assert!(page.len() <= bytes_max, "{} bytes, not {bytes_max}", page.len());
        assert!(page.ends_with("</main></body></html>\n") && page.contains("Behaviours by model"));
    }
    assert!(html::page_within(&large, 150_000).contains("--html-dir"));
}

#[test]
fn every_sheet_is_as_wide_in_each_row_as_its_headings() {
    for sheet in sheets::all(&whole()) {
        assert!(sheet.rows.iter().all(|row| row.len() == sheet.columns.len()), "{}", sheet.id);
        assert!(sheet.words <= sheet.columns.len());
    }
}

#[test]
fn in_brief_a_behaviour_stands_by_relationship_with_the_published_means_and_by_no_more_lines_than_it_needs() {
    let report = whole();
    let sheets = brief::sheets(&report, Some(80));
    assert!(sheets.iter().all(|sheet| sheet.rows.len() <= 48 && !sheet.title.is_empty()));
    let peers = sheets.iter().find(|sheet| sheet.title.starts_with("Peers")).unwrap();
    assert_eq!(peers.columns, ["model", "bad", "publ", "good", "publ", "unrelated"]);
    let texts =
        |row: &[sheets::Entry]| row.iter().map(|entry| entry.text.trim().to_owned()).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = peers.rows.iter().map(|row| texts(row)).collect();
    let at = rows.iter().position(|row| row[..] == ["tampering, %"]).expect("a heading over its rows");
    assert_eq!(rows[at + 1][..5], ["Gemini 3 Flash", "25 [14, 40]", "15", "100 [91, 100]", "83"]);
    let tested = sheets.iter().find(|sheet| sheet.id == "claims").unwrap();
    let bold = report.claims.iter().filter(|claim| claim.emphasis == Emphasis::Bold).count();
    assert_eq!(tested.rows.len(), bold);
    assert!(
        tested.notes[0].starts_with(&format!("{bold} of {} tests", report.overview.tests)),
        "{:?}",
        tested.notes
    );
    // Without a bound nothing is folded.
    let wide = brief::sheets(&report, None);
    let names = wide.iter().flat_map(|sheet| &sheet.rows).filter_map(|row| row.first());
    assert!(names.into_iter().all(|name| !name.text.contains('\n')));
}
