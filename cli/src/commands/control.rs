//! `retry`, `pause`, `resume`, `cancel`: what is done to a whole sweep.

use clap::Args;

use crate::arguments::SweepArguments;
use crate::client::Order;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;
use crate::station::Station;
use crate::tables::grouped;

/// Flags of these commands.
#[derive(Debug, Args)]
pub(crate) struct SweepCommand {
    /// Which sweep, and whose.
    #[command(flatten)]
    sweep: SweepArguments,
}

/// Opens what was lost again.
pub(crate) async fn retry(arguments: SweepCommand) -> Result<Exit, Failure> {
    give(arguments, Order::Retry).await
}

/// Grants nothing more.
pub(crate) async fn pause(arguments: SweepCommand) -> Result<Exit, Failure> {
    give(arguments, Order::Pause).await
}

/// Goes on.
pub(crate) async fn resume(arguments: SweepCommand) -> Result<Exit, Failure> {
    give(arguments, Order::Resume).await
}

/// Cancels what has not ended.
pub(crate) async fn cancel(arguments: SweepCommand) -> Result<Exit, Failure> {
    give(arguments, Order::Cancel).await
}

async fn give(arguments: SweepCommand, order: Order) -> Result<Exit, Failure> {
    let mut station = Station::reach(&arguments.sweep.target).await?;
    let sweep = station.client.number(arguments.sweep.sweep).await?;
    let jobs = station.client.order(order, sweep).await?;
    output::print(&done(order, sweep, jobs));
    station.leave().await?;
    Ok(Exit::Complete)
}

fn done(order: Order, sweep: u64, jobs: u64) -> String {
    let jobs = grouped(jobs);
    match order {
        Order::Retry => {
            format!("sweep {sweep}: {jobs} jobs are open again; run it again, or let its workers go on")
        }
        Order::Pause => {
            format!("sweep {sweep} is paused: what runs goes on; `muster resume {sweep}` goes on")
        }
        Order::Resume => format!("sweep {sweep} goes on, wherever a worker takes it"),
        Order::Cancel => format!(
            "sweep {sweep} is cancelled: {jobs} jobs had not ended; `muster retry {sweep}` opens them again"
        ),
    }
}
