//! An audit: episodes are drawn at random, a person says what they show without being told what the scorers said, and
//! both are held against each other. Labels are kept in a file, so that an audit can be left and gone on with, and more
//! people's words can be added.

mod agreement;
mod labels;
mod reader;
mod sample;

use std::path::{Path, PathBuf};

use clap::Args;
use muster_scoring::Verdict;
use muster_scoring::audit::{AuditQuestion, question};
use muster_scoring::judge::Question;
use serde_json::{Value, json};

use self::agreement::Agreements;
use self::labels::{Label, Labels};
use self::reader::{Reader, Said};
use self::sample::Sample;
use crate::client::Client;
use crate::commands::show;
use crate::dossier::{Dossier, Ended};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::Format;
use crate::output;
use crate::progress::note;
use crate::tables::counted;
use crate::transcript;

/// Episodes of one audit: a person reads some hundred in a day.
const EPISODES_MAX: i64 = 10_000;

/// Flags about audits.
#[derive(Debug, Clone, Args)]
pub(crate) struct AuditArguments {
    /// Show N episodes, drawn at random, ask what they show, and report how far scorers and people agree.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=EPISODES_MAX))]
    pub(crate) audit: Option<u32>,
    /// Draws the episodes: the same seed draws the same, and a larger N adds to them.
    #[arg(long, value_name = "SEED", default_value_t = 1, requires = "audit")]
    audit_seed: u64,
    /// Where labels are kept, one JSON object a line [default: muster-audit-SWEEP.jsonl in the data directory,
    /// or here with --coordinator].
    #[arg(long, value_name = "FILE", requires = "audit")]
    labels: Option<PathBuf>,
}

/// One question about one episode.
struct Asked<'a> {
    scorer: &'a str,
    question: AuditQuestion,
}

// === impl AuditArguments ===

impl AuditArguments {
    /// Audits a sweep that is scored; `judge` is whose readings count where rules are unsure. Labels are kept beside what
    /// they are of: in `home`, if no file is named.
    pub(crate) async fn perform(
        &self,
        client: &Client,
        dossier: &Dossier,
        judge: Option<&str>,
        home: &Path,
        format: Format,
    ) -> Result<Exit, Failure> {
        let sweep = dossier.sweep.id;
        let sample =
            Sample::draw(client, dossier, self.audit.unwrap_or_default() as usize, self.audit_seed).await?;
        let own = || home.join(format!("muster-audit-{sweep}.jsonl"));
        let path = self.labels.clone().unwrap_or_else(own);
        let mut labels = Labels::open(&path, sweep)?;
        note(&format!(
            "audit of sweep {sweep}: {} drawn by seed {}; labels are kept in {}",
            counted(sample.len() as u64, "episode"),
            self.audit_seed,
            path.display()
        ));
        let mut reader = Reader::new(format);
        for (place, episode) in sample.iter().enumerate() {
            let heading = format!("episode {} of {}", place + 1, sample.len());
            let ended = show::episode(client, episode.job, Some(episode.generation)).await?;
            if self.ask(dossier, &ended, &heading, &mut labels, &mut reader)? == Said::Enough {
                note("no more for now; the same command goes on from here");
                break;
            }
        }
        let agreements = Agreements::of(client, dossier, &labels, judge).await?;
        tell(sweep, self.audit_seed, &path, &agreements, format);
        Ok(Exit::Complete)
    }

    /// Asks what an episode shows, if that is not known yet.
    fn ask(
        &self,
        dossier: &Dossier,
        ended: &Ended,
        heading: &str,
        labels: &mut Labels,
        reader: &mut Reader,
    ) -> Result<Said, Failure> {
        let asked: Vec<Asked<'_>> =
            questions(dossier, ended).into_iter().filter(|asked| !labels.has(ended, asked.scorer)).collect();
        if asked.is_empty() {
            return Ok(Said::Skip);
        }
        match dossier.replay(ended) {
            Ok(replayed) => reader.show(heading, &transcript::course(&replayed)),
            Err(error) => {
                note(&format!("{heading} can't be shown: {error}"));
                return Ok(Said::Skip);
            }
        }
        for Asked { scorer, question } in asked {
            match reader.ask(scorer, &question) {
                Said::Word(word) => labels.add(Label::new(ended, scorer, word, self.audit_seed))?,
                Said::Skip => {}
                Said::Enough => return Ok(Said::Enough),
            }
        }
        Ok(Said::Skip)
    }
}

/// What is asked about an episode: one question for each scorer of its scenario that a person can answer.
fn questions<'a>(dossier: &'a Dossier, ended: &Ended) -> Vec<Asked<'a>> {
    let (index, _) = dossier.plan.place(ended.job.ordinal);
    let variant = dossier.plan.variant(index);
    let scorers = variant.map_or(&[][..], |variant| dossier.scorers(&variant.scenario));
    let asked = |scorer: &'a muster_episode::ScorerSpec| {
        Some(Asked { scorer: &scorer.name, question: question(&scorer.kind)? })
    };
    scorers.iter().filter_map(asked).collect()
}

/// The newest word of a scorer on an episode: the judge's, if one is named and was asked.
fn verdict(ended: &Ended, scorer: &str, version: &str, judge: Option<&str>) -> Option<Verdict> {
    let judged = judge.and_then(|judge| ended.verdict(scorer, &Question::version(version, judge)));
    let stored = judged.or_else(|| ended.verdict(scorer, version))?;
    Verdict::decode(&stored.verdict).ok()
}

fn tell(sweep: u64, seed: u64, path: &Path, agreements: &Agreements, format: Format) {
    match format {
        Format::Text => output::print(&agreements.as_text()),
        Format::Json => {
            let mut value: Value =
                json!({ "sweep": sweep, "seed": seed, "labels": path.display().to_string() });
            value["scorers"] = agreements.as_json();
            output::print_json(&value);
        }
    }
}
