//! The coordinator that a command speaks to: one in another process, or one that is started here over a data
//! directory. Behind either is the same client, so no command has a second code path.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use muster_coordinator::{Coordinator, CoordinatorConfig};
use muster_core::Core;
use muster_episode::SEMANTICS;
use muster_store::{Store, StoreError, embedded};

use crate::address::CoordinatorUrl;
use crate::arguments::TargetArguments;
use crate::client::{self, Client};
use crate::failure::Failure;

/// A command that only looks at a data directory leaves it within this time.
const LEAVING: Duration = Duration::from_secs(2);

/// Between two attempts to open a directory that is being left.
const LEAVING_PAUSE: Duration = Duration::from_millis(100);

/// The socket's name in a data directory.
const SOCKET: &str = "coordinator.sock";

/// A reached coordinator.
pub(crate) struct Station {
    /// Speaks to it.
    pub(crate) client: Client,
    local: Option<Coordinator>,
}

/// Whether a data directory may be made where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfMissing {
    /// It is made.
    Make,
    /// It is an error: who reads has mistyped its name.
    Fail,
}

// === impl Station ===

impl Station {
    /// Reaches the coordinator that the flags name.
    pub(crate) async fn reach(target: &TargetArguments) -> Result<Self, Failure> {
        match &target.coordinator {
            Some(url) => Self::connect(url).await,
            None => Self::open_or_ask(&target.data_dir).await,
        }
    }

    /// One in another process.
    pub(crate) async fn connect(url: &CoordinatorUrl) -> Result<Self, Failure> {
        Ok(Self { client: Client::new(client::connect(url).await?), local: None })
    }

    /// Whether the coordinator is this process's, so that no worker is at work.
    pub(crate) fn is_local(&self) -> bool {
        self.local.is_some()
    }

    /// The coordinator, if it is this process's.
    pub(crate) fn coordinator(&self) -> Option<&Coordinator> {
        self.local.as_ref()
    }

    /// Ends the coordinator if it is this process's.
    pub(crate) async fn leave(self) -> Result<(), Failure> {
        match self.local {
            Some(coordinator) => {
                coordinator.stop().await.map_err(|error| Failure::Stopped(error.to_string()))
            }
            None => Ok(()),
        }
    }

    /// Opens a data directory; if another process has it open, asks that one. One that has it open and does not answer
    /// is just coming or going, and is waited for.
    async fn open_or_ask(dir: &Path) -> Result<Self, Failure> {
        let deadline = Instant::now() + LEAVING;
        loop {
            let unasked = match open(dir, IfMissing::Fail).await {
                Ok(coordinator) => return Self::local(coordinator, dir).await,
                Err(Failure::Store(StoreError::InUse { .. })) => {
                    match Self::connect(&CoordinatorUrl::Unix(socket(dir))).await {
                        Err(Failure::NoCoordinator { why, .. }) => {
                            Failure::Unasked { dir: dir.to_owned(), why }
                        }
                        asked => return asked,
                    }
                }
                Err(failure) => return Err(failure),
            };
            if Instant::now() >= deadline {
                return Err(unasked);
            }
            tokio::time::sleep(LEAVING_PAUSE).await;
        }
    }

    async fn local(coordinator: Coordinator, dir: &Path) -> Result<Self, Failure> {
        let client = Client::new(coordinator.channel().await?);
        // A second command beside this one finds it there.
        serve_beside(&coordinator, dir).await;
        Ok(Self { client, local: Some(coordinator) })
    }
}

/// The path of a data directory's socket.
pub(crate) fn socket(dir: &Path) -> PathBuf {
    dir.join(SOCKET)
}

/// Serves the data directory's socket too. Whoever can't be reached there still does its own work.
pub(crate) async fn serve_beside(coordinator: &Coordinator, dir: &Path) {
    if let Err(error) = coordinator.listen_unix(&socket(dir)).await {
        tracing::warn!(%error, "other commands can't reach this process");
    }
}

/// Opens a data directory to work on it. One that another process is just about to leave is waited for.
pub(crate) async fn open_alone(dir: &Path) -> Result<Coordinator, Failure> {
    let deadline = Instant::now() + LEAVING;
    loop {
        match open(dir, IfMissing::Make).await {
            Err(Failure::Store(StoreError::InUse { .. })) if Instant::now() < deadline => {
                tokio::time::sleep(LEAVING_PAUSE).await;
            }
            opened => return opened,
        }
    }
}

/// Opens a data directory and starts a coordinator over what it remembers. Nobody is served yet but this process.
pub(crate) async fn open(dir: &Path, if_missing: IfMissing) -> Result<Coordinator, Failure> {
    let dir = dir.to_owned();
    let opening = tokio::task::spawn_blocking(move || recover(&dir, if_missing));
    let (core, store) = opening
        .await
        .map_err(|error| Failure::Stopped(format!("opening the data directory failed: {error}")))??;
    let config = CoordinatorConfig::new(SEMANTICS);
    Ok(Coordinator::start(config, core, store.journal, Arc::clone(&store.archive))?)
}

/// Opens a store and adds up what it remembers.
pub(crate) fn recover(dir: &Path, if_missing: IfMissing) -> Result<(Core, Store), StoreError> {
    if if_missing == IfMissing::Fail && !dir.is_dir() {
        return Err(StoreError::Missing { dir: dir.to_owned() });
    }
    let config = CoordinatorConfig::new(SEMANTICS).core();
    let opened = muster_coordinator::recover(config, |visit| {
        embedded::open(dir, &embedded::Options::default(), visit)
    });
    let (core, store) = opened?;
    report(&store);
    Ok((core, store))
}

/// Says what the start found, unless it is what an orderly end leaves.
fn report(store: &Store) {
    for tail in &store.report.torn {
        tracing::info!(%tail, "an unfinished write was cut off, as after a crash; nothing acknowledged is lost");
    }
    if store.report.orphaned_turns > 0 {
        tracing::info!(
            turns = store.report.orphaned_turns,
            "turns that were never acknowledged were cut off"
        );
    }
    for sentence in &store.report.lost {
        tracing::error!(what = %sentence, "something that was acknowledged is missing");
    }
}
