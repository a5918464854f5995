//! What tests of stores need: the suite that every store must pass, records to fill one with, and a disk that loses power.

pub mod conformance;
mod disk;
pub mod golden;
pub mod sample;

pub use disk::{Crash, Fault, SimDisk};
