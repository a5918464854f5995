//! A fake provider on a real socket: it speaks OpenAI Chat as OpenAI does, with true rate limits, latencies and faults,
//! and scripted players play the model's part. For demos, dry runs and tests; no key, no money.
//!
//! It keeps an account of every call that it answered, so that tests have a witness. It shares no wire types with the
//! worker's dialects: what both got wrong together, no test would see.

mod answer;
mod bucket;
mod config;
mod error;
mod fault;
mod ledger;
mod player;
mod pools;
mod request;
mod server;
mod service;

pub use config::{Key, ProviderConfig};
pub use error::ProviderError;
pub use fault::{Fault, FaultPlan};
pub use ledger::Stats;
pub use player::{Players, Rehearsal};
pub use server::{Provider, Running};
