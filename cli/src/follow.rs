//! Following a sweep until it ends, and what is said of it then.

use muster_proto::v1;

use crate::client::{Client, Document};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Interrupts;
use crate::output;
use crate::progress::{Progress, note};
use crate::summary::Summary;
use crate::tables;

/// How following ended.
#[derive(Debug)]
pub(crate) enum Followed {
    /// Nothing more comes of the sweep by itself.
    Over(v1::Sweep),
    /// The user has seen enough. The sweep goes on.
    Left(v1::Sweep),
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON value on standard output; all else goes to stderr.
    Json,
}

// === impl Format ===

impl Format {
    /// As the flag `--json` says.
    pub(crate) fn from_flag(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }

    /// A text for people: a result where they asked for text, else a remark on stderr.
    pub(crate) fn tell(self, text: &str) {
        match self {
            Self::Text => output::print(text),
            Self::Json => note(text),
        }
    }
}

/// Shows a sweep's progress until it is over or the user interrupts.
pub(crate) async fn follow(
    client: &mut Client,
    sweep: u64,
    interrupts: &mut Interrupts,
) -> Result<Followed, Failure> {
    let mut changes = client.watch(sweep).await?;
    let mut last = client.sweep(sweep, Document::Unwanted).await?;
    let mut progress = Progress::begin(&last);
    loop {
        tokio::select! {
            change = changes.message() => match change? {
                Some(sweep) => {
                    progress.update(&sweep);
                    last = sweep;
                }
                None => break,
            },
            _ = interrupts.next() => {
                progress.end(&last);
                return Ok(Followed::Left(last));
            }
        }
    }
    progress.end(&last);
    if is_over(last.state()) { Ok(Followed::Over(last)) } else { Err(cut()) }
}

/// Whether nothing more comes of a sweep by itself.
pub(crate) fn is_over(state: v1::SweepState) -> bool {
    matches!(state, v1::SweepState::Finished | v1::SweepState::Cancelled | v1::SweepState::Stopped)
}

/// Tells what became of a sweep, and says how the process is to end.
pub(crate) fn conclude(sweep: &v1::Sweep, wall_s: f64, format: Format) -> Exit {
    let summary = Summary::new(sweep, wall_s);
    format.tell(&tables::jobs(&summary));
    format.tell(&tables::usage(&summary));
    for stopped in sweep.lanes.iter().filter(|lane| !lane.stopped.is_empty()) {
        let reason = crate::terminal::one_line(&stopped.stopped, 400);
        note(&format!("{} was stopped: {reason}", crate::terminal::one_line(&stopped.model, 100)));
    }
    if format == Format::Json {
        output::print_json(&summary);
    }
    Exit::of(summary.is_complete())
}

fn cut() -> Failure {
    tonic::Status::unavailable("it stopped in the middle; `muster watch` goes on when it is back").into()
}
