//! `watch`: follows a sweep until it ends.

use std::time::Instant;

use clap::Args;

use crate::arguments::SweepArguments;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::{Followed, Format, IfAway, conclude, follow};
use crate::interrupt::Interrupts;
use crate::station::Station;

/// Flags of `watch`.
#[derive(Debug, Args)]
pub(crate) struct WatchArguments {
    /// Which sweep, and whose.
    #[command(flatten)]
    sweep: SweepArguments,
    /// Print one JSON object at the end.
    #[arg(long)]
    json: bool,
}

/// Follows.
pub(crate) async fn perform(arguments: WatchArguments) -> Result<Exit, Failure> {
    let started = Instant::now();
    let mut interrupts =
        Interrupts::listen().map_err(|source| Failure::System { action: "listen for signals", source })?;
    let mut station = Station::reach(&arguments.sweep.target).await?;
    let sweep = station.client.number(arguments.sweep.sweep).await?;
    if station.is_local() {
        let state = station.client.sweep(sweep, crate::client::Document::Unwanted).await?.state();
        if !crate::follow::is_over(state) {
            let what =
                format!("nobody works on sweep {sweep}: `muster run` with its sweep file goes on with it");
            station.leave().await?;
            return Err(Failure::Job(what));
        }
    }
    let named = arguments.sweep.target.coordinator.is_some();
    let if_away = if named { IfAway::Wait } else { IfAway::Fail };
    let followed = follow(&mut station.client, sweep, &mut interrupts, if_away).await?;
    let format = Format::from_flag(arguments.json);
    let exit = match followed {
        Followed::Over(sweep) => conclude(&sweep, started.elapsed().as_secs_f64(), format),
        Followed::Left(sweep) => {
            conclude(&sweep, started.elapsed().as_secs_f64(), format);
            Exit::Interrupted
        }
    };
    station.leave().await?;
    Ok(exit)
}
