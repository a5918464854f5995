//! Mistakes of people: in files, flags, variables, keys and directories. Each is named, with its place and what would be
//! right, before anything is started; and what is there already is not harmed.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;

use muster_tests::{
    Coordinator, Ended, Process, Provider, Summary, SweepFile, copy_folder, eventually, run, suite,
};

use crate::hostile::{Hostile, Response};
use crate::stage::{Stage, calm, ended_with, json, two_variants};

const OBEDIENT: &str = "openai-api/fake/sim/obedient";

type Variables<'a> = &'a [(&'a str, &'a str)];
type Words<'a> = &'a [&'a str];

/// Runs a command that must be refused: exit 2, these words, nothing on stdout.
fn refused(command: &[&str], environment: &[(&str, &str)], words: &[&str]) {
    let ended = run(command, environment);
    is_refusal(&ended, &command.join(" "), words);
}

fn is_refusal(ended: &Ended, what: &str, words: &[&str]) {
    assert_eq!(ended.code, Some(2), "{what}: {}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stdout, "", "{what}");
    calm(ended);
    for word in words {
        assert!(ended.stderr.contains(word), "{what}: {word:?} is missing in {}", ended.stderr);
    }
}

/// An address at which nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

#[test]
fn a_mistake_in_a_sweep_file_is_shown_at_its_line_and_column_and_nothing_is_started() {
    let suite = suite();
    let head = format!("format = 1\nname = \"t\"\nsuite = {suite:?}\nscenarios = [\"tampering\"]\n");
    let models = "models = [\"sim/obedient\"]\n";
    let cases: &[(String, &[&str])] = &[
        (format!("{head}{models}sedes = 3\n"), &[":6:1: ", "sedes", "did you mean `seeds`?"]),
        (format!("{head}{models}seeds = \"three\"\n"), &[":6:9: ", "`seeds` must be a whole number"]),
        (format!("{head}{models}seeds = 0\n"), &[":6:9: ", "from 1 to"]),
        (
            format!("format = 1\nname = \"t\"\nsuite = \"nowhere\"\n{models}"),
            &[":3:9: ", "there is no suite at", "nowhere", "relative to this file"],
        ),
        (
            head.replace("tampering", "tamperin") + models,
            &[":4:14: ", "tamperin", "did you mean `tampering`?"],
        ),
        (
            format!("{head}{models}[select.tampering]\nstratum = [\"factual-8\"]\n"),
            &[":7:12: ", "factual-8", "did you mean `factual-80`?"],
        ),
        (
            format!("{head}{models}[select.tampering]\nstratun = [\"factual-80\"]\n"),
            &[":7:1: ", "no axis `stratun`", "did you mean `stratum`?"],
        ),
        (format!("{head}models = [\"sim/obedient\"\nseeds = 1\n"), &[":6:1: ", "expected `,`"]),
        (format!("{head}models = [\"sim/obedeint\"]\n"), &[":5:11: ", "did you mean `obedient`?"]),
        (format!("{head}models = [\"gpt-5\"]\n"), &[":5:11: ", "provider/name"]),
        (format!("{head}models = []\n"), &["the sweep names no model", "--model"]),
        (format!("{head}models = [\"sim/obedient\", \"sim/obedient\"]\n"), &[":5:27: ", "named twice"]),
        (String::new(), &["`format` is missing", "`name` is missing", "`suite` is missing"]),
        ("format = 99\n".to_owned(), &[":1:10: ", "`format`"]),
        ("\u{0}\u{1b}[2J = 1".to_owned(), &[":1:"]),
    ];
    for (text, words) in cases {
        let sweep = SweepFile::from_text(text);
        let (file, data) = (sweep.argument(), sweep.data());
        let command = ["run", &file, "--data-dir", &data, "--json"];
        refused(&command, &[], &[&[file.as_str(), "nothing was started"], *words].concat());
        assert!(!Path::new(&data).exists(), "a data directory was made for {text:?}");
    }
}

#[test]
fn a_key_in_a_sweep_file_is_refused_and_not_repeated() {
    let suite = suite();
    let sweep = SweepFile::from_text(&format!(
        "format = 1\nname = \"t\"\nsuite = {suite:?}\nmodels = [{{ name = \"openai/x\", api_key = \"sk-secret-1\" }}]\n"
    ));
    let ended = run(&["run", &sweep.argument(), "--data-dir", &sweep.data()], &[]);
    is_refusal(&ended, "a key", &[":4:32: ", "`api_key`", "OPENAI_API_KEY"]);
    assert!(!ended.stderr.contains("sk-secret-1"), "{}", ended.stderr);
}

#[test]
fn a_mistake_in_a_suite_is_shown_in_its_own_file() {
    let sweep =
        SweepFile::from_text("format = 1\nname = \"t\"\nsuite = \"suite\"\nmodels = [\"sim/obedient\"]\n");
    copy_folder(Path::new(&suite()), &sweep.folder("suite"));
    let scenario = sweep.folder("suite").join("tampering/scenario.toml");
    let text = fs::read_to_string(&scenario).expect("the scenario");
    let line = text.lines().position(|line| line == "model_calls = 30").expect("a limit") + 1;
    fs::write(&scenario, text.replace("model_calls = 30", "model_cals = 30")).expect("a file");
    let place = format!("{}:{line}:1: ", scenario.display());
    for command in ["run", "plan"] {
        let ended = run(&[command, &sweep.argument()], &[]);
        is_refusal(&ended, command, &[&place, "did you mean `model_calls`?"]);
    }
}

#[test]
fn what_can_t_be_read_reached_or_listened_at_is_named() {
    let sweep = two_variants(&["sim/obedient"], 1, "");
    let (file, data, nobody) = (sweep.argument(), sweep.data(), format!("http://{}", nobody()));
    let folder = sweep.folder("");
    let folder = folder.to_str().expect("UTF-8");
    fs::write(sweep.folder("noise.toml"), [0xff; 4_096]).expect("a file");
    fs::write(sweep.folder("long.toml"), vec![b'#'; 2 << 20]).expect("a file");
    let in_folder = |name: &str| sweep.folder(name).to_str().expect("UTF-8").to_owned();
    refused(&["run", &in_folder("missing.toml")], &[], &["missing.toml", "No such file"]);
    refused(&["run", folder], &[], &["directory"]);
    refused(&["run", &in_folder("noise.toml")], &[], &["noise.toml", "UTF-8"]);
    refused(&["run", &in_folder("long.toml")], &[], &["long.toml", "at most"]);
    refused(&["status", "--coordinator", &nobody], &[], &[&nobody, "muster coordinator"]);
    refused(&["submit", &file, "--coordinator", &nobody], &[], &[&nobody, "refused"]);
    refused(&["status", "--coordinator", "unix:/nowhere/s.sock"], &[], &["unix:/nowhere/s.sock"]);
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let command = ["coordinator", "--listen", address, "--data-dir", &data];
        refused(&command, &[], &[address, "not a loopback address", "TLS"]);
    }
    assert!(!Path::new(&data).exists());
    refused(&["provider", "--listen", "0.0.0.0:0"], &[], &["0.0.0.0:0"]);
    refused(&["provider", "--fault", "nonsense=1"], &[], &["nonsense", "http500"]);
    for url in ["http://example.org:7654", "https://127.0.0.1:7654", "http://127.0.0.1", "banana:/"] {
        refused(&["worker", "--coordinator", url], &[], &["--coordinator"]);
    }
    let taken = Coordinator::start(&sweep.folder("other"));
    let address = taken.url().replace("http://", "");
    refused(&["coordinator", "--listen", &address, "--data-dir", &data], &[], &[&address, "in use"]);
}

#[test]
fn a_model_that_can_t_be_called_is_named_before_any_job() {
    let nobody = format!("http://{}/v1", nobody());
    let locked = Provider::start(&["--key", "right"]);
    let file = |models: &[&str]| two_variants(models, 1, "");
    let wrong_key = [("FAKE_BASE_URL", locked.base_url()), ("FAKE_API_KEY", "wrong-key-abcdef")];
    let cases: [(SweepFile, Variables<'_>, Words<'_>); 5] = [
        (file(&["foo/gpt-5"]), &[], &["foo/gpt-5", "openai-api/SERVICE"]),
        (
            file(&["openai-api/my-lab/x", "openai-api/other/y"]),
            &[("OTHER_BASE_URL", &nobody)],
            &["openai-api/my-lab/x", "MY_LAB_BASE_URL", "OTHER_API_KEY"],
        ),
        (
            file(&["openai-api/my-lab/x"]),
            &[("MY_LAB_BASE_URL", "banana"), ("MY_LAB_API_KEY", "none")],
            &["MY_LAB_BASE_URL", "banana"],
        ),
        (
            file(&["openai-api/my-lab/x"]),
            &[("MY_LAB_BASE_URL", &nobody), ("MY_LAB_API_KEY", "none")],
            &["openai-api/my-lab/x", &nobody, "refused"],
        ),
        (file(&[OBEDIENT]), &wrong_key, &[OBEDIENT, "API key"]),
    ];
    for (sweep, environment, words) in &cases {
        let (file, data) = (sweep.argument(), sweep.data());
        let ended = run(&["run", &file, "--data-dir", &data, "--json"], environment);
        is_refusal(&ended, &format!("{words:?}"), &[*words, &["nothing was started"]].concat());
        assert!(!Path::new(&data).exists(), "a data directory was made: {words:?}");
        assert!(!ended.stderr.contains("wrong-key-abcdef"), "the key is shown: {}", ended.stderr);
    }
    assert_eq!(locked.stats().requests, 0, "a job was started");
}

#[test]
fn a_key_that_is_refused_stops_its_model_at_once_and_the_same_command_goes_on_when_it_is_mended() {
    let hostile = Hostile::start(|_, _| Response::error(401, "invalid_api_key", "This key was revoked."));
    let stage = Stage::new(&[], two_variants(&[OBEDIENT, "openai-api/b/sim/protective"], 4, ""));
    let (file, data, revoked) = (stage.sweep.argument(), stage.sweep.data(), hostile.base_url());
    let command = ["run", &file, "--data-dir", &data, "--json"];
    let run_with = |url: &str| {
        let [base, key] = stage.provider.environment();
        run(&command, &[base, key, ("B_BASE_URL", url), ("B_API_KEY", "none")])
    };
    let ended = run_with(&revoked);
    let summary = ended_with(&ended, 1);
    assert_eq!((summary.jobs, summary.completed, summary.failed), (16, 8, 0), "{summary:?}");
    for words in ["openai-api/b/sim/protective was stopped", "This key was revoked"] {
        assert!(ended.stderr.contains(words), "{words:?} is missing in {}", ended.stderr);
    }
    // At once: no more calls than were under way when the first was refused.
    assert!(hostile.calls() <= 10, "{} calls with a revoked key", hostile.calls());
    let status = stage.json(&["status", "1"]);
    assert!(status["lanes"][1]["stopped"].as_str().is_some_and(|why| why.contains("revoked")), "{status}");

    let summary = ended_with(&run_with(stage.provider.base_url()), 0);
    assert_eq!((summary.sweep, summary.completed), (1, 16), "{summary:?}");
    assert_eq!(stage.provider.stats().calls, summary.model_calls, "{summary:?}");
}

#[test]
fn a_worker_with_a_wrong_key_stops_its_model_for_the_fleet_until_it_is_resumed() {
    let (open, locked) = (Provider::start(&[]), Provider::start(&["--key", "right"]));
    let sweep = two_variants(&["openai-api/open/sim/obedient", "openai-api/locked/sim/obedient"], 2, "");
    let coordinator = Coordinator::start(&sweep.folder("data"));
    let (file, url) = (sweep.argument(), coordinator.url());
    let worker = |key: &str, spool: &str| {
        let spool = sweep.folder(spool);
        let spool = spool.to_str().expect("UTF-8");
        let arguments = ["worker", "--coordinator", &url, "--spool", spool];
        let environment = [
            ("OPEN_BASE_URL", open.base_url()),
            ("OPEN_API_KEY", "none"),
            ("LOCKED_BASE_URL", locked.base_url()),
            ("LOCKED_API_KEY", key),
        ];
        Process::start(&arguments, &environment)
    };
    let wrong = worker("wrong", "wrong");
    let submit = ["submit", &file, "--coordinator", &url, "--wait", "--json"];
    let ended = run(&submit, &[]);
    let summary = ended_with(&ended, 1);
    assert_eq!((summary.jobs, summary.completed), (8, 4), "{summary:?}");
    assert!(ended.stderr.contains("openai-api/locked/sim/obedient was stopped"), "{}", ended.stderr);
    wrong.kill_9();

    let _right = worker("right", "right");
    assert_eq!(run(&["resume", "1", "--coordinator", &url], &[]).code, Some(0));
    let summary = ended_with(&run(&submit, &[]), 0);
    assert_eq!((summary.completed, locked.stats().calls + open.stats().calls), (8, summary.model_calls));
}

#[test]
fn a_directory_that_can_t_be_a_data_directory_is_refused_and_not_touched() {
    let stage = Stage::new(&[], two_variants(&[OBEDIENT], 1, ""));
    let (file, folder) = (stage.sweep.argument(), stage.sweep.folder(""));
    let environment = stage.provider.environment();
    let try_at = |path: &Path, words: &[&str]| {
        let path = path.to_str().expect("UTF-8");
        refused(&["run", &file, "--data-dir", path], &environment, &[&[path], words].concat());
    };
    // The sweep file itself; below it; a folder with something else in it; no folder that can be made.
    try_at(&stage.sweep.path(), &[]);
    try_at(&stage.sweep.path().join("below"), &[]);
    try_at(&folder, &["not a data directory", "nothing was touched"]);
    try_at(Path::new("/proc/muster-data"), &[]);
    assert!(fs::read_to_string(stage.sweep.path()).is_ok_and(|text| text.starts_with("format = 1")));
    assert_eq!(fs::read_dir(&folder).expect("the folder").count(), 1);
    refused(&["status", "--data-dir", "/nowhere"], &[], &["no data directory at /nowhere"]);
    assert_eq!(stage.provider.stats().requests, 0);

    stage.completed(&[]);
    let manifest = stage.sweep.folder("data/MANIFEST");
    let text = fs::read_to_string(&manifest).expect("the manifest");
    let newer = text.replacen("muster-store 1", "muster-store 77", 1);
    assert_ne!(text, newer, "the manifest's first line is another");
    fs::write(&manifest, &newer).expect("a file");
    let words = ["format 77", "newer release", "nothing was touched"];
    refused(&["status", "--data-dir", &stage.sweep.data()], &[], &words);
    refused(&["run", &file, "--data-dir", &stage.sweep.data()], &environment, &words);
    assert_eq!(fs::read_to_string(&manifest).expect("the manifest"), newer);
    fs::write(&manifest, "muster-store 1\nnoise\n").expect("a file");
    refused(&["status", "--data-dir", &stage.sweep.data()], &[], &["MANIFEST is damaged"]);
    fs::write(&manifest, text).expect("a file");
    assert_eq!(stage.json(&["status", "1"])["completed"], 2);
}

#[test]
fn a_damaged_tail_or_index_costs_nothing_that_was_acknowledged() {
    let stage = Stage::new(&[], two_variants(&[OBEDIENT, "openai-api/fake/sim/protective"], 6, ""));
    let first = stage.completed(&["--limit", "12"]);
    let before = (stage.json(&["status"]), stage.json(&["score", "1"]), stage.json(&["replay", "1"]));
    let same = |what: &str| {
        let after = (stage.json(&["status"]), stage.json(&["score", "1"]), stage.json(&["replay", "1"]));
        assert_eq!(after, before, "{what}");
    };
    for stream in ["facts", "turns"] {
        let path = stage.sweep.folder("data/journal-1").join(format!("{stream}-0001.log"));
        let mut log = fs::OpenOptions::new().append(true).open(&path).expect("the log");
        log.write_all(&[0xa5; 777]).expect("garbage");
        drop(log);
        let told = stage.ask(&["status"]);
        let words = format!("777 bytes of an unfinished write cut off {stream} segment 1");
        assert!(told.stderr.contains(&words), "it does not say what it cut off: {}", told.stderr);
        same(stream);
    }
    let index = stage.sweep.folder("data/index");
    fs::remove_dir_all(&index).expect("the index");
    same("no index");
    fs::write(index.join("db"), [0x5a; 10_000]).expect("the index's file");
    same("a damaged index");
    fs::remove_dir_all(&index).expect("the index");
    fs::write(&index, "a file where a folder was").expect("a file");
    same("a file for an index");

    let rest = stage.completed(&[]);
    assert_eq!((rest.sweep, rest.jobs), (1, 24));
    let stats = stage.provider.stats();
    assert_eq!((stats.calls, stats.extra_calls), (rest.model_calls, 0), "{first:?} {rest:?}");
}

#[test]
fn a_record_cut_from_the_journals_end_is_run_again_and_nothing_else_is() {
    let stage = Stage::new(&[], two_variants(&[OBEDIENT], 6, ""));
    let whole = stage.completed(&[]);
    // The last facts are the verdicts, six for each episode, and before them come the outcomes: an eighth of the file is
    // without some of them.
    let path = stage.sweep.folder("data/journal-1/facts-0001.log");
    let length = fs::metadata(&path).expect("the log").len();
    let snapshots = fs::read_dir(stage.sweep.folder("data/journal-1")).expect("the journal");
    for snapshot in
        snapshots.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("snapshot"))
    {
        fs::remove_file(snapshot.path()).expect("a snapshot");
    }
    let log = fs::OpenOptions::new().write(true).open(&path).expect("the log");
    log.set_len(length / 8).expect("a shorter log");
    drop(log);
    let status = stage.json(&["status", "1"]);
    let kept = status["completed"].as_u64().expect("a number");
    assert!(kept < 12, "nothing was cut off: {status}");
    let rest = stage.completed(&[]);
    assert_eq!((rest.completed, rest.failed, rest.quarantined), (12, 0, 0), "{rest:?}");
    let again = stage.provider.stats().calls - whole.model_calls;
    // Turns are a stream of their own: those of the episodes that were cut off are there, and are gone on from.
    assert!(again <= whole.model_calls / 12 * (12 - kept), "{again} calls again for {} jobs", 12 - kept);
    assert_eq!(stage.json(&["replay", "1"])["identical"], 12);
}

#[test]
fn two_processes_never_have_one_data_directory() {
    let stage = Stage::new(&[], two_variants(&[OBEDIENT], 1, ""));
    stage.completed(&[]);
    let data = stage.sweep.data();
    let coordinator = Coordinator::start(Path::new(&data));
    let in_use = ["in use by another process"];
    is_refusal(&stage.run(&[]), "run", &in_use);
    refused(&["coordinator", "--listen", "127.0.0.1:0", "--data-dir", &data], &[], &in_use);
    // Who only looks is served by the process that has it.
    assert_eq!(stage.json(&["status", "1"])["completed"], 2);
    // A socket that nobody answers at is told from one that is served.
    fs::remove_file(Path::new(&data).join("coordinator.sock")).expect("the socket");
    refused(&["status", "--data-dir", &data], &[], &["in use by another process", "socket"]);
    drop(coordinator);
    assert_eq!(stage.json(&["status", "1"])["completed"], 2);
}

#[test]
fn a_missing_provider_in_the_middle_of_a_run_is_waited_for_and_then_gone_on_with() {
    let stage = Stage::new(&["--latency-ms", "30"], two_variants(&[OBEDIENT], 6, ""));
    let (file, data) = (stage.sweep.argument(), stage.sweep.data());
    let command = ["run", &file, "--data-dir", &data, "--max-connections", "4", "--json"];
    let first = Provider::start(&["--latency-ms", "30"]);
    let running = Process::start(&command, &first.environment());
    eventually("calls", || (first.stats().calls >= 10).then_some(()));
    let address = first.base_url().trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    let calls = first.stats().calls;
    drop(first);
    let second = Provider::start_at(&address, &[]);
    let summary: Summary = ended_with(&running.wait(), 0);
    assert_eq!(summary.completed, 12, "{summary:?}");
    assert!(summary.retries > 0, "{summary:?}");
    // Calls in flight when it went may have been paid for, and are counted as such.
    let made = calls + second.stats().calls;
    assert!(
        summary.model_calls <= made + 4 && made <= summary.model_calls + summary.paid_twice,
        "{made}: {summary:?}"
    );
    assert_eq!(json(&stage.ask(&["replay", "1", "--json"]))["identical"], 12);
}
