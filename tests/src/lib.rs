//! What the tests of whole processes share: the `muster` binary, started, watched, killed; the fake provider as an
//! independent witness; sweeps and their JSON. Everything here is on loopback and in temporary folders, and every
//! process ends with the value that stands for it.

mod fleet;
mod process;
mod sweep;
mod table;
mod used;

pub use fleet::{Coordinator, Provider, Stats};
pub use process::{Ended, Process, eventually, muster, run};
pub use sweep::{Summary, SweepFile, copy_folder, suite};
pub use table::{Row, Table, grouped};
pub use used::{Used, used};
