//! What is done to a data directory as a whole, by `muster store`. Each holds the directory, so none runs beside a coordinator, but
//! for [`backup`] and [`usage`], which only read and may.

mod backup;
mod compact;
mod rebuild;
mod remove;
mod rewrite;
mod usage;
mod verify;

pub use backup::{BackupReport, backup, backup_on};
pub use compact::{CompactReport, compact, compact_on};
pub use rebuild::{RebuildReport, rebuild, rebuild_on};
pub use remove::remove_sweep;
pub use usage::{SweepUsage, removable, usage, usage_on};
pub use verify::{VerifyReport, verify, verify_on};

use std::sync::Arc;

use crate::files::{Files, RealFiles};

fn real() -> Arc<dyn Files> {
    Arc::new(RealFiles)
}
