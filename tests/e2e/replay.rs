//! The record: transcripts replay to the same bytes, the same sweep is the same jobs, and whatever can change a result
//! changes the job.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use muster_episode::decode_end;
use muster_proto::v1;
use muster_proto::v1::control_client::ControlClient;
use muster_tests::{Coordinator, SweepFile, copy_folder, run, suite};
use serde_json::Value;
use tonic::transport::Endpoint;

use crate::stage::{Stage, json};

const JOBS: u64 = 114;

/// All of an ended episode that does not tell the time: its address within the sweep, its identity, how it ended, its
/// last world's hash, its turns.
type Essence = (u32, u64, Vec<u8>, u32, Vec<u8>, u32);

#[test]
fn the_same_sweep_twice_is_the_same_jobs_with_the_same_ends_and_all_of_it_replays() {
    let stage = Stage::new(
        &["--words", "40"],
        SweepFile::tampering(&["openai-api/fake/sim/mixed", "openai-api/fake/sim/protective"], 1),
    );
    assert_eq!(stage.completed(&[]).jobs, JOBS);
    assert_eq!(stage.completed(&["--again", "--max-connections", "3"]).sweep, 2);
    for sweep in ["1", "2"] {
        let replayed = stage.json(&["replay", sweep]);
        assert_eq!((&replayed["identical"], &replayed["different"]), (&JOBS.into(), &0.into()), "{replayed}");
    }
    let one = stage.ask(&["replay", "2", "1/7"]);
    assert_eq!(one.code, Some(0), "{}", one.stderr);
    assert!(one.stdout.contains("1 transcripts identical, 0 differ"), "{}", one.stdout);

    let (first, second) = exported(Path::new(&stage.sweep.data()));
    assert_eq!(first.len() as u64, JOBS);
    assert_eq!(first, second);
    let identities: BTreeSet<&[u8]> = first.iter().map(|essence| essence.2.as_slice()).collect();
    assert_eq!(identities.len() as u64, JOBS, "two jobs have one identity");
    let shown = [("1", "1/0/5"), ("2", "2/0/5")].map(|(sweep, job)| told(stage.json(&["show", sweep, job])));
    assert_eq!(shown[0], shown[1]);
}

/// What `show --json` says of a job, without what tells the time or the sweep.
fn told(mut shown: Value) -> Value {
    let fields = shown.as_object_mut().expect("an object");
    fields.remove("job");
    for turn in fields["turns"].as_array_mut().expect("turns") {
        turn["latency_ms"] = 0.into();
    }
    shown
}

/// The ended episodes of sweeps 1 and 2, in order.
fn exported(data: &Path) -> (BTreeSet<Essence>, BTreeSet<Essence>) {
    let coordinator = Coordinator::start(data);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let url = coordinator.url();
    runtime.block_on(async {
        let channel = Endpoint::from_shared(url).expect("a URL").connect().await.expect("it is up");
        let mut client = ControlClient::new(channel);
        (essences(&mut client, 1).await, essences(&mut client, 2).await)
    })
}

async fn essences(client: &mut ControlClient<tonic::transport::Channel>, sweep: u64) -> BTreeSet<Essence> {
    let request = v1::ExportRequest { sweep, ..v1::ExportRequest::default() };
    let mut episodes = client.export(request).await.expect("export").into_inner();
    let mut essences = BTreeSet::new();
    while let Some(episode) = episodes.message().await.expect("the export goes on") {
        let job = episode.lease.and_then(|lease| lease.job).expect("a job");
        let end = decode_end(&episode.detail).expect("an end");
        let (identity, world) = (end.identity.to_vec(), end.world.to_vec());
        essences.insert((job.lane, job.ordinal, identity, end.finish, world, end.turns));
    }
    essences
}

/// A sweep of one job over a copy of the suite.
struct Copy {
    sweep: SweepFile,
}

impl Copy {
    fn new() -> Self {
        let sweep = SweepFile::from_text(&text("sim/obedient", ""));
        copy_folder(Path::new(&suite()), &sweep.folder("suite"));
        Self { sweep }
    }

    /// Writes the sweep file anew.
    fn write(&self, model: &str, more: &str) {
        fs::write(self.sweep.path(), text(model, more)).expect("a sweep file");
    }

    /// Replaces a text in a file of the suite, or appends to it; what it was.
    fn edit(&self, file: &str, from: &str, to: &str) -> String {
        let path = self.sweep.folder("suite").join(file);
        let before = fs::read_to_string(&path).expect("a file");
        assert!(before.contains(from), "{from:?} is not in {file}");
        let after = if from.is_empty() { format!("{before}{to}") } else { before.replacen(from, to, 1) };
        fs::write(&path, after).expect("a file");
        before
    }

    fn put_back(&self, file: &str, text: &str) {
        fs::write(self.sweep.folder("suite").join(file), text).expect("a file");
    }

    /// Runs it; the job's identity and the sweep's number.
    fn identity(&self) -> (String, u64) {
        let (file, data) = (self.sweep.argument(), self.sweep.data());
        let ran = json(&run(&["run", &file, "--data-dir", &data, "--json"], &[]));
        assert_eq!(ran["completed"], 1, "{ran}");
        let sweep = ran["sweep"].as_u64().expect("a number");
        let job = format!("{sweep}/0/0");
        let shown = json(&run(&["show", &sweep.to_string(), &job, "--data-dir", &data, "--json"], &[]));
        (shown["identity"].as_str().expect("an identity").to_owned(), sweep)
    }
}

fn text(model: &str, more: &str) -> String {
    format!(
        "format = 1\nname = \"copy\"\nsuite = \"suite\"\nscenarios = [\"tampering\"]\nseeds = 1\nmodels = [{{ name = {model:?}, \
         display_name = \"Sim\"{more} }}]\n\
         [select.tampering]\nstratum = [\"red-80\"]\nrelationship = [\"no_peer\"]\ninstantiation = [\"file_only\"]\n"
    )
}

#[test]
fn a_changed_prompt_document_limit_model_or_parameter_is_another_job_and_a_comment_is_not() {
    let copy = Copy::new();
    let (original, _) = copy.identity();
    let mut identities = BTreeSet::from([original.clone()]);
    let mut differs = |what: &str| {
        let (identity, _) = copy.identity();
        assert!(identities.insert(identity), "{what} changed and the job did not");
    };
    let before = copy.edit("shared/outputs/red.toml", "", "\n# A comment.\n");
    assert_eq!(copy.identity().0, original, "a comment in a data file is no part of the job");
    copy.put_back("shared/outputs/red.toml", &before);
    for (file, from, to) in [
        ("tampering/prompts/user.md", "", "\nThank you."),
        ("shared/prompts/identity.md", "", " Be brief."),
        ("tampering/documents/policy.md", "", "\nOne more line.\n"),
        ("tampering/scenario.toml", "model_calls = 30", "model_calls = 31"),
        ("tampering/scenario.toml", "temperature = 1.0", "temperature = 0.9"),
        (
            "tampering/scenario.toml",
            "weights_retention_days = { value = 30",
            "weights_retention_days = { value = 31",
        ),
    ] {
        let before = copy.edit(file, from, to);
        differs(&format!("{file} {to}"));
        copy.put_back(file, &before);
    }
    for (model, more) in [
        ("sim/protective", ""),
        ("sim/obedient", ", temperature = 0.5"),
        ("sim/obedient", ", max_output_tokens = 4000"),
        ("sim/obedient", ", extra_body = { top_k = 3 }"),
    ] {
        copy.write(model, more);
        differs(&format!("{model}{more}"));
    }
    copy.write("sim/obedient", ", max_connections = 3, rpm = 6000");
    assert_eq!(copy.identity(), (original, 1), "how fast a model is called is no part of what is asked");
}
