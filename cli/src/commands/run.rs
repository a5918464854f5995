//! `run`: coordinator, worker and store in one process. The same messages as on a cluster, over a transport in memory;
//! the data directory's socket lets other commands look on meanwhile.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use muster_coordinator::Coordinator;
use muster_proto::v1;
use muster_provider::Running;
use muster_worker::{MAX_CONNECTIONS_DEFAULT, MAX_SLOTS, Settings, Worker, WorkerConfig};

use crate::address::JobAddress;
use crate::arguments::{CallArguments, DATA_DIR_DEFAULT, SweepFileArguments};
use crate::client::{Client, Document, Order};
use crate::commands::{report, score, worker};
use crate::dossier::Dossier;
use crate::episodes::{Episodes, Read};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::{Format, conclude, is_over};
use crate::intake::{Again, Intake};
use crate::interrupt::{Interrupts, Urgency};
use crate::pilot::Piloted;
use crate::progress::{Progress, note};
use crate::scores::{self, Grain, Scores, Which};
use crate::station;
use crate::summary::ended;
use crate::tables::{counted, grouped};
use crate::throttle::Throttle;
use crate::{limits, preflight, simulator, terminal, wire};

/// The worker's folder in the data directory.
pub(crate) const SPOOL: &str = "worker";

/// Flags of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// The sweep.
    #[command(flatten)]
    sweep: SweepFileArguments,
    /// How models are called.
    #[command(flatten)]
    calls: CallArguments,
    /// Where results are kept.
    #[arg(long, value_name = "DIR", default_value = DATA_DIR_DEFAULT)]
    data_dir: PathBuf,
    /// Begin a new sweep, though there is one of the same content. Without it, that one goes on.
    #[arg(long)]
    again: bool,
    /// One row of the closing table for every cell, not only for every relationship.
    #[arg(long)]
    cells: bool,
    /// Write the report's page at the end, as `report --html` does.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print one JSON object on standard output at the end; all else goes to stderr.
    #[arg(long)]
    json: bool,
}

/// All that runs in this process.
struct Site {
    coordinator: Coordinator,
    client: Client,
    worker: Worker,
    provider: Option<Running>,
    sweep: u64,
}

/// How the work ended.
enum Worked {
    /// Nothing more comes of the sweep by itself.
    Over,
    /// The user interrupted.
    Interrupted,
}

/// Runs.
pub(crate) async fn perform(arguments: RunArguments) -> Result<Exit, Failure> {
    let started = Instant::now();
    let mut interrupts =
        Interrupts::listen().map_err(|source| Failure::System { action: "listen for signals", source })?;
    check_page(arguments.html.as_deref())?;
    let Some((mut site, worked)) = Site::run(&arguments, &mut interrupts).await? else {
        return Ok(Exit::Interrupted);
    };
    let exit = site.conclude(&worked, &arguments, started).await?;
    site.close().await?;
    Ok(if interrupts.any() { Exit::Interrupted } else { exit })
}

/// A page that has no folder to be written into is better known before the sweep is paid.
fn check_page(file: Option<&Path>) -> Result<(), Failure> {
    let Some(file) = file else { return Ok(()) };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() && !file.is_dir() {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "the page can't be written to {}: name a file in a folder that is there",
        file.display()
    )))
}

/// Runs the beginning of a sweep as `run` does, for the whole to go on from; none if the user interrupted.
pub(crate) async fn pilot(
    sweep: SweepFileArguments,
    calls: CallArguments,
    data_dir: PathBuf,
) -> Result<Option<Piloted>, Failure> {
    let arguments =
        RunArguments { sweep, calls, data_dir, again: false, cells: false, html: None, json: true };
    let mut interrupts =
        Interrupts::listen().map_err(|source| Failure::System { action: "listen for signals", source })?;
    let Some((mut site, worked)) = Site::run(&arguments, &mut interrupts).await? else { return Ok(None) };
    let piloted = site.used().await;
    site.close().await?;
    match worked {
        Worked::Over => piloted.map(Some),
        Worked::Interrupted => Ok(None),
    }
}

// === impl Site ===

impl Site {
    /// Checks a sweep, opens it, works on it, and lets the worker finish. None if the user interrupted before.
    async fn run(
        arguments: &RunArguments,
        interrupts: &mut Interrupts,
    ) -> Result<Option<(Self, Worked)>, Failure> {
        let intake = Intake::read(&arguments.sweep, Some(&arguments.calls))?;
        let settings = Settings {
            plan: Some(Arc::clone(&intake.plan)),
            // A rate is the fleet's, and this worker is all of it: the sweep's quota has it already.
            rpm: None,
            ..preflight::settings(&arguments.calls)
        };
        tokio::select! {
            checked = preflight::check(&intake.plan, &settings, preflight::http(&arguments.calls)) => checked?,
            _ = interrupts.next() => {
                note("interrupted before anything was started");
                return Ok(None);
            }
        }
        let mut site = Self::open(arguments, &intake, settings).await?;
        let worked = site.work(interrupts).await;
        let drained = site.drain(interrupts).await;
        let (worked, ()) = (worked?, drained?);
        Ok(Some((site, worked)))
    }

    /// What the episodes used so far.
    async fn used(&mut self) -> Result<Piloted, Failure> {
        let request = v1::ExportRequest { sweep: self.sweep, newest: true, ..Default::default() };
        let mut reading = Episodes::begin(&self.client, request).await?;
        let now = self.client.sweep(self.sweep, Document::Unwanted).await?;
        let counts = now.counts.unwrap_or_default();
        let stopped = now.lanes.into_iter().filter(|lane| !lane.stopped.is_empty());
        let mut piloted = Piloted {
            episodes: Vec::new(),
            lost: 0,
            unfinished: counts.jobs.saturating_sub(ended(&counts)),
            stopped: stopped.map(|lane| (lane.model, lane.stopped)).collect(),
            usage: now.usage.unwrap_or_default(),
            sweep: self.sweep,
        };
        while let Some(Read::Whole(episode) | Read::Damaged(episode, _)) = reading.next().await? {
            match episode.outcome {
                v1::Outcome::Completed | v1::Outcome::Limit | v1::Outcome::Refused => {
                    piloted.episodes.push((episode.job.lane, episode.usage));
                }
                _ => piloted.lost += 1,
            }
        }
        Ok(piloted)
    }

    /// Opens the data directory, submits the sweep and starts to work on it.
    async fn open(
        arguments: &RunArguments,
        intake: &Intake,
        mut settings: Settings,
    ) -> Result<Self, Failure> {
        let dir = &arguments.data_dir;
        let coordinator = station::open_alone(dir).await?;
        let channel = coordinator.channel().await?;
        let mut client = Client::new(channel.clone());
        let provider = if intake.plan.models().iter().any(muster_episode::ModelPlan::is_built_in) {
            Some(simulator::start(&intake.suite).await?)
        } else {
            None
        };
        settings.simulator = provider.as_ref().map(Running::base_url);
        client.upload(&intake.bundle).await?;
        let submitted = client.submit(intake.submission(Again::from_flag(arguments.again))).await?;
        let sweep = submitted.sweep;
        make_way(&mut client, &[sweep]).await?;
        let now = go_on(&mut client, sweep).await?;
        announce(&now, submitted.created, intake, dir);
        tell_budget(&mut client, sweep, intake).await?;
        station::serve_beside(&coordinator, dir).await;
        let config = WorkerConfig {
            slots: slots(intake, &settings),
            spool: dir.join(SPOOL),
            name: worker::name(),
            settings,
            http: preflight::http(&arguments.calls),
        };
        let worker = Worker::start(config, channel)?;
        Ok(Self { coordinator, client, worker, provider, sweep })
    }

    /// Shows the sweep's progress until it is over or the user interrupts.
    async fn work(&mut self, interrupts: &mut Interrupts) -> Result<Worked, Failure> {
        let mut last = self.client.sweep(self.sweep, Document::Unwanted).await?;
        let mut progress = Progress::begin(&last);
        let mut throttle = Throttle::begin(&self.client);
        let mut changes = self.client.watch(self.sweep).await?;
        let worked = loop {
            tokio::select! {
                change = changes.message() => match change? {
                    Some(sweep) => {
                        progress.update(&sweep);
                        last = sweep;
                        if is_over(last.state()) {
                            break Ok(Worked::Over);
                        }
                    }
                    None => break Ok(Worked::Over),
                },
                limits = throttle.changed() => progress.waits(limits::waiting(&limits, &last)),
                _ = interrupts.next() => break Ok(Worked::Interrupted),
                () = self.coordinator.draining() => break Ok(Worked::Interrupted),
                ended = self.coordinator.ended() => {
                    let why = ended.err().map_or_else(|| "it was stopped".to_owned(), |error| error.to_string());
                    break Err(Failure::Stopped(why));
                }
                ended = self.worker.ended() => break ended.map(|()| Worked::Over).map_err(Failure::Worker),
            }
        };
        progress.end(&last);
        worked
    }

    /// Lets the worker finish what is in flight; a further interrupt hurries it.
    async fn drain(&mut self, interrupts: &mut Interrupts) -> Result<(), Failure> {
        if interrupts.any() {
            note("finishing the calls in flight; again (Ctrl-C) to give them up");
        }
        self.worker.drain();
        loop {
            tokio::select! {
                ended = self.worker.ended() => return ended.map_err(Failure::Worker),
                // Its store has failed: nothing more will be acknowledged.
                ended = self.coordinator.ended() => {
                    return ended.map_err(|error| Failure::Stopped(error.to_string()));
                }
                urgency = interrupts.next() => match urgency {
                    Urgency::Drain => note("finishing the calls in flight; again (Ctrl-C) to give them up"),
                    Urgency::Hurry => {
                        note("giving up the calls in flight");
                        self.worker.hurry();
                    }
                },
            }
        }
    }

    /// Scores what there is and tells what became of the sweep.
    async fn conclude(
        &mut self,
        worked: &Worked,
        arguments: &RunArguments,
        started: Instant,
    ) -> Result<Exit, Failure> {
        let format = Format::from_flag(arguments.json);
        let sweep = self.client.sweep(self.sweep, Document::Unwanted).await?;
        let mut example = None;
        if let Worked::Over = worked {
            let scores = self.score(Grain::from_flag(arguments.cells)).await?;
            score::warn(&scores);
            if !scores.table.is_empty() {
                format.tell(&scores.as_text());
            }
            tell_failures(&scores);
            example = scores.first_result;
            if let Some(file) = &arguments.html {
                report::write_page(&mut self.client, self.sweep, &arguments.data_dir, file).await?;
            }
        }
        let exit = conclude(&sweep, started.elapsed().as_secs_f64(), format);
        match worked {
            Worked::Over => advise(&sweep, example, &arguments.data_dir),
            Worked::Interrupted => {
                note(&format!("interrupted; the same command goes on from here (sweep {})", sweep.id));
            }
        }
        Ok(exit)
    }

    async fn score(&mut self, grain: Grain) -> Result<Scores, Failure> {
        let dossier = Dossier::fetch(&mut self.client, crate::address::SweepName::Number(self.sweep)).await?;
        scores::score(&self.client, &dossier, grain, Which::New).await
    }

    async fn close(self) -> Result<(), Failure> {
        drop(self.client);
        self.coordinator.stop().await.map_err(|error| Failure::Stopped(error.to_string()))?;
        if let Some(provider) = self.provider {
            provider.stop().await;
        }
        Ok(())
    }
}

/// Pauses what else is unfinished in the data directory: whoever runs one sweep has not asked for another to be paid.
pub(crate) async fn make_way(client: &mut Client, sweeps: &[u64]) -> Result<(), Failure> {
    for other in client.sweeps().await? {
        if !sweeps.contains(&other.id) && other.state() == v1::SweepState::Running {
            client.order(Order::Pause, other.id).await?;
            let name = terminal::one_line(&other.name, 60);
            note(&format!(
                "sweep {} \"{name}\" is unfinished and stays paused meanwhile; its own `muster run` goes on with it",
                other.id
            ));
        }
    }
    Ok(())
}

/// Opens a sweep again that was paused, or whose models were stopped: running it says that it is to run.
async fn go_on(client: &mut Client, sweep: u64) -> Result<v1::Sweep, Failure> {
    let now = client.sweep(sweep, Document::Unwanted).await?;
    let has_stopped = now.lanes.iter().any(|lane| !lane.stopped.is_empty());
    if now.state() != v1::SweepState::Cancelled && (now.state() == v1::SweepState::Paused || has_stopped) {
        client.order(Order::Resume, sweep).await?;
        return client.sweep(sweep, Document::Unwanted).await;
    }
    Ok(now)
}

/// Says so where the file's budget is not the one that counts.
pub(crate) async fn tell_budget(client: &mut Client, sweep: u64, intake: &Intake) -> Result<(), Failure> {
    let stated = wire::budget(&intake.plan.budget());
    if stated.is_some()
        && let Some(told) = limits::set_by_hand(&client.limits().await?, sweep, stated.as_ref())
    {
        note(&told);
    }
    Ok(())
}

fn announce(sweep: &v1::Sweep, created: bool, intake: &Intake, dir: &Path) {
    let counts = sweep.counts.unwrap_or_default();
    let plan = &intake.plan;
    let name = terminal::one_line(plan.name(), 60);
    let limit = sweep.limit.map_or_else(String::new, |limit| format!(", limited to {}", grouped(limit)));
    let size = format!(
        "{} ({} x {} x {}{limit})",
        counted(counts.jobs, "job"),
        counted(u64::from(plan.variant_count()), "variant"),
        counted(plan.models().len() as u64, "model"),
        counted(u64::from(sweep.seeds), "seed"),
    );
    let done = ended(&counts);
    let (id, dir) = (sweep.id, dir.display());
    note(&match (created, sweep.state()) {
        (true, _) => format!("sweep {id} \"{name}\": {size}; results in {dir}"),
        (false, v1::SweepState::Finished) => {
            format!("sweep {id} \"{name}\" has ended before: {size}; --again begins a new one")
        }
        (false, v1::SweepState::Cancelled) => {
            format!(
                "sweep {id} \"{name}\" was cancelled; `muster retry {id} --data-dir {dir}` opens it again"
            )
        }
        (false, _) => {
            format!("sweep {id} \"{name}\" goes on: {} of {size} done; results in {dir}", grouped(done))
        }
    });
}

/// Room for as many episodes as calls may be made at once: more would only wait.
fn slots(intake: &Intake, settings: &Settings) -> usize {
    let of_model = |model: &muster_episode::ModelPlan| {
        let wanted = settings.max_connections.or(model.max_connections).or(intake.plan.max_connections());
        u64::from(wanted.unwrap_or(MAX_CONNECTIONS_DEFAULT))
    };
    let sum: u64 = intake.plan.models().iter().map(of_model).sum();
    usize::try_from(sum).unwrap_or(MAX_SLOTS).clamp(1, MAX_SLOTS)
}

/// Why jobs were lost, each reason once.
fn tell_failures(scores: &Scores) {
    for (reason, lost) in &scores.failures {
        let reason = terminal::one_line(reason, 300);
        note(&format!("{} {}, for example {}: {reason}", counted(lost.jobs, "job"), lost.how, lost.first));
    }
}

/// The next commands to try.
fn advise(sweep: &v1::Sweep, example: Option<JobAddress>, dir: &Path) {
    let id = sweep.id;
    let dir = if dir == Path::new(DATA_DIR_DEFAULT) {
        String::new()
    } else {
        format!(" --data-dir {}", dir.display())
    };
    let counts = sweep.counts.unwrap_or_default();
    if counts.failed + counts.quarantined + counts.cancelled > 0 {
        note(&format!("the lost jobs again:  muster retry {id}{dir}, then the same command"));
    }
    if let Some(job) = example {
        note(&format!("a transcript:         muster show {id} {job}{dir}"));
        note(&format!("every cell's rate:    muster score {id} --cells{dir}"));
        note(&format!("proof of the record:  muster replay {id}{dir}"));
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::arguments::{Arguments, TargetArguments};
    use crate::commands;
    use crate::station::Station;

    const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../suites/demo.toml");

    async fn muster(line: &[&str]) -> Result<Exit, Failure> {
        let arguments = Arguments::try_parse_from([&["muster"], line].concat()).expect("a command line");
        commands::perform(arguments.command).await
    }

    async fn sweeps(dir: &Path) -> Vec<v1::Sweep> {
        let target = TargetArguments { data_dir: dir.to_owned(), coordinator: None };
        let mut station = Station::reach(&target).await.expect("a station");
        let sweeps = station.client.sweeps().await.expect("sweeps");
        station.leave().await.expect("an orderly end");
        sweeps
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_same_command_again_pays_for_nothing_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let data_dir = dir.path().join("data");
        let data = data_dir.to_str().expect("a path");
        let line = ["run", DEMO, "--model", "sim/protective", "--limit", "4", "--json", "--data-dir", data];
        assert_eq!(muster(&line).await.expect("a run"), Exit::Complete);
        let first = sweeps(&data_dir).await;
        assert_eq!(muster(&line).await.expect("a run"), Exit::Complete);
        let second = sweeps(&data_dir).await;
        assert_eq!(second.len(), 1);
        assert_eq!(first[0].usage, second[0].usage);
        assert_eq!(
            muster(&["replay", "1", "--json", "--data-dir", data]).await.expect("a replay"),
            Exit::Complete
        );
        assert_eq!(
            muster(&["score", "1", "--json", "--data-dir", data]).await.expect("scores"),
            Exit::Complete
        );
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_pilots_episodes_are_the_first_of_the_run_after_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let data_dir = dir.path().join("data");
        let data = data_dir.to_str().expect("a path");
        let sweep = [DEMO, "--model", "sim/obedient", "--limit", "60", "--data-dir", data, "--json"];
        let pilot = [&["plan"], &sweep[..], &["--pilot", "1"]].concat();
        assert_eq!(muster(&pilot).await.expect("a pilot"), Exit::Complete);
        let first = sweeps(&data_dir).await[0].clone();
        assert_eq!((first.seeds, first.counts.unwrap_or_default().completed), (1, 57));
        assert_eq!(muster(&[&["run"], &sweep[..]].concat()).await.expect("a run"), Exit::Complete);
        let all = sweeps(&data_dir).await;
        assert_eq!((all.len(), all[0].id, all[0].counts.unwrap_or_default().completed), (1, first.id, 60));
        assert_eq!(all[0].usage.unwrap_or_default().paid_twice, 0);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_pilot_under_a_budget_that_no_call_fits_into_is_not_complete() {
        let dir = tempfile::tempdir().expect("a folder");
        let suite = concat!(env!("CARGO_MANIFEST_DIR"), "/../suites/peer-preservation");
        let text = format!(
            "format = 1\nname = \"small\"\nsuite = {suite:?}\nscenarios = [\"tampering\"]\nlimit = 2\n\
             models = [\"sim/obedient\"]\nbudget = {{ tokens = 100 }}\n"
        );
        let file = dir.path().join("sweep.toml");
        std::fs::write(&file, text).expect("a file");
        let data = dir.path().join("data");
        let (file, data) = (file.to_str().expect("a path"), data.to_str().expect("a path"));
        let line = ["plan", file, "--pilot", "1", "--data-dir", data, "--json"];
        assert_eq!(muster(&line).await.expect("a pilot"), Exit::Incomplete);
        // Without one the estimate alone is above it: that is said, and no failure.
        assert_eq!(muster(&["plan", file, "--json"]).await.expect("a plan"), Exit::Complete);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn running_one_sweep_pays_for_no_other() {
        let dir = tempfile::tempdir().expect("a folder");
        let data_dir = dir.path().join("data");
        let data = data_dir.to_str().expect("a path");
        submit_only(&data_dir, "sim/obedient").await;
        let line = ["run", DEMO, "--model", "sim/protective", "--limit", "3", "--json", "--data-dir", data];
        assert_eq!(muster(&line).await.expect("a run"), Exit::Complete);
        let other = &sweeps(&data_dir).await[1];
        assert_eq!(other.state(), v1::SweepState::Paused);
        assert_eq!(other.usage.unwrap_or_default(), v1::Usage::default());
        // Its own command goes on with it.
        let line = ["run", DEMO, "--model", "sim/obedient", "--limit", "3", "--json", "--data-dir", data];
        assert_eq!(muster(&line).await.expect("a run"), Exit::Complete);
        assert_eq!(sweeps(&data_dir).await.len(), 2);
    }

    /// A sweep that was submitted and never worked on.
    async fn submit_only(dir: &Path, model: &str) {
        let line = ["muster", "run", DEMO, "--model", model, "--limit", "3"];
        let Ok(Arguments { command: crate::arguments::Command::Run(arguments), .. }) =
            Arguments::try_parse_from(line)
        else {
            panic!("a command line")
        };
        let intake = Intake::read(&arguments.sweep, Some(&arguments.calls)).expect("a sweep");
        let coordinator = station::open_alone(dir).await.expect("a coordinator");
        let mut client = Client::new(coordinator.channel().await.expect("a channel"));
        client.upload(&intake.bundle).await.expect("an upload");
        client.submit(intake.submission(Again::Resume)).await.expect("a submission");
        drop(client);
        coordinator.stop().await.expect("an orderly end");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_mistake_in_the_command_makes_no_data_directory() {
        let dir = tempfile::tempdir().expect("a folder");
        let data_dir = dir.path().join("data");
        let data = data_dir.to_str().expect("a path");
        for model in ["openai-api/no-such-service/x", "nobody/x", "sim/nobody", "x"] {
            let failure =
                muster(&["run", DEMO, "--model", model, "--data-dir", data]).await.expect_err(model);
            assert_eq!(failure.exit(), Exit::BadInput, "{failure}");
            assert!(!data_dir.exists(), "{model}");
        }
    }
}
