//! `replay`: runs stored transcripts again, without a model, and compares every byte.

use clap::Args;
use muster_proto::v1;
use serde_json::{Value, json};

use crate::address::{JobName, SweepName};
use crate::arguments::TargetArguments;
use crate::commands::show;
use crate::dossier::{Dossier, Ended};
use crate::episodes::{Episodes, Read};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::Format;
use crate::output;
use crate::progress::note;
use crate::station::Station;
use crate::tables::grouped;
use crate::terminal;

/// Differences told one by one; a broken engine has one cause and a million of them.
const TOLD_MAX: u64 = 20;

/// Flags of `replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArguments {
    /// The sweep's number, or `last`.
    #[arg(value_name = "SWEEP")]
    sweep: SweepName,
    /// Only this job: LANE/ORDINAL or SWEEP/LANE/ORDINAL.
    #[arg(value_name = "JOB")]
    job: Option<JobName>,
    /// Whose.
    #[command(flatten)]
    target: TargetArguments,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What came of it.
#[derive(Debug, Default)]
struct Count {
    identical: u64,
    different: u64,
    without: u64,
}

/// Replays.
pub(crate) async fn perform(arguments: ReplayArguments) -> Result<Exit, Failure> {
    let mut station = Station::reach(&arguments.target).await?;
    let dossier = Dossier::fetch(&mut station.client, arguments.sweep).await?;
    let mut count = Count::default();
    if let Some(name) = arguments.job {
        let job = show::address(&dossier, name)?;
        count.take(&dossier, &show::episode(&station.client, job, None).await?);
    } else {
        let request =
            v1::ExportRequest { sweep: dossier.sweep.id, turns: true, ..v1::ExportRequest::default() };
        let mut episodes = Episodes::begin(&station.client, request).await?;
        while let Some(read) = episodes.next().await? {
            match read {
                Read::Whole(ended) => count.take(&dossier, &ended),
                Read::Damaged(ended, why) => count.differs(&ended, &why),
            }
        }
    }
    count.tell(dossier.sweep.id, Format::from_flag(arguments.json));
    station.leave().await?;
    Ok(Exit::of(count.different == 0))
}

// === impl Count ===

impl Count {
    fn take(&mut self, dossier: &Dossier, ended: &Ended) {
        if !ended.is_result() {
            self.without += 1;
            return;
        }
        let difference = match dossier.replay(ended) {
            Ok(replayed) if replayed.same_bytes => {
                self.identical += 1;
                return;
            }
            Ok(_) => "its turns replay, but not to the same bytes".to_owned(),
            Err(error) => error.to_string(),
        };
        self.differs(ended, &difference);
    }

    fn differs(&mut self, ended: &Ended, difference: &str) {
        self.different += 1;
        if self.different <= TOLD_MAX {
            note(&format!("job {} differs: {}", ended.job, terminal::one_line(difference, 400)));
        }
    }

    fn tell(&self, sweep: u64, format: Format) {
        match format {
            Format::Json => output::print_json(&self.json(sweep)),
            Format::Text => output::print(&format!(
                "sweep {sweep}: {} transcripts identical, {} differ, {} jobs without one",
                grouped(self.identical),
                grouped(self.different),
                grouped(self.without)
            )),
        }
    }

    fn json(&self, sweep: u64) -> Value {
        json!({ "sweep": sweep, "identical": self.identical, "different": self.different, "without_transcript": self.without })
    }
}
