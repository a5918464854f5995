//! `store`: looks after a data directory.

use clap::Args;

use crate::exit::Exit;
use crate::failure::Failure;

/// Flags of `store`.
#[derive(Debug, Args)]
pub(crate) struct StoreArguments {}

/// Does it.
pub(crate) async fn perform(_arguments: StoreArguments) -> Result<Exit, Failure> {
    Ok(Exit::Complete)
}
