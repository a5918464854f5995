//! Following a sweep until it ends, and what is said of it then.

use std::time::{Duration, Instant};

use muster_proto::v1;
use tonic::{Code, Streaming};

use crate::client::{Client, Document};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::Interrupts;
use crate::output;
use crate::progress::{Progress, note};
use crate::summary::Summary;
use crate::throttle::Throttle;
use crate::{limits, tables};

/// A coordinator that has gone away is waited for so long: a new release is rolled out within it.
const AWAY_MAX: Duration = Duration::from_secs(600);

/// Between two looks whether it is back.
const LOOK_EVERY: Duration = Duration::from_millis(500);

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

/// What is done where the coordinator goes away in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfAway {
    /// It is waited for: whoever keeps a coordinator restarts it.
    Wait,
    /// It is an error: it was a `run`, which has ended.
    Fail,
}

/// A sweep's changes, over restarts of its coordinator.
struct Changes<'a> {
    client: &'a mut Client,
    sweep: u64,
    stream: Streaming<v1::Sweep>,
    if_away: IfAway,
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

// === impl Changes ===

impl<'a> Changes<'a> {
    async fn begin(client: &'a mut Client, sweep: u64, if_away: IfAway) -> Result<Self, Failure> {
        let stream = client.watch(sweep).await?;
        Ok(Self { client, sweep, stream, if_away })
    }

    /// The sweep when it has changed since `last`; none when it is over.
    async fn next(&mut self, last: &v1::Sweep) -> Result<Option<v1::Sweep>, Failure> {
        loop {
            match self.stream.message().await {
                Ok(Some(sweep)) => return Ok(Some(sweep)),
                _ if is_over(last.state()) => return Ok(None),
                Err(status) if !is_away(status.code()) => return Err(status.into()),
                _ if self.if_away == IfAway::Fail => return Err(cut()),
                _ => self.stream = self.back().await?,
            }
        }
    }

    /// Waits for the coordinator to come back.
    async fn back(&mut self) -> Result<Streaming<v1::Sweep>, Failure> {
        note("the coordinator has gone away; waiting for it to come back");
        let deadline = Instant::now() + AWAY_MAX;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match self.client.watch(self.sweep).await {
                Err(Failure::Refused(status)) if is_away(status.code()) => {
                    if Instant::now() > deadline {
                        return Err(cut());
                    }
                }
                back => return back,
            }
        }
    }
}

/// Shows a sweep's progress until it is over or the user interrupts.
pub(crate) async fn follow(
    client: &mut Client,
    sweep: u64,
    interrupts: &mut Interrupts,
    if_away: IfAway,
) -> Result<Followed, Failure> {
    let mut last = client.sweep(sweep, Document::Unwanted).await?;
    let mut throttle = Throttle::begin(client);
    let mut changes = Changes::begin(client, sweep, if_away).await?;
    let mut progress = Progress::begin(&last);
    loop {
        tokio::select! {
            change = changes.next(&last) => match change? {
                Some(sweep) => {
                    progress.update(&sweep);
                    last = sweep;
                }
                None => break,
            },
            limits = throttle.changed() => progress.waits(limits::waiting(&limits, &last)),
            _ = interrupts.next() => {
                progress.end(&last);
                return Ok(Followed::Left(last));
            }
        }
    }
    progress.end(&last);
    Ok(Followed::Over(last))
}

/// Whether an error says that nobody was there, rather than that somebody refused.
fn is_away(code: Code) -> bool {
    matches!(code, Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled | Code::Aborted)
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
