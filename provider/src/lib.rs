//! A fake provider on a real socket: it speaks OpenAI Chat and Responses, Anthropic Messages and Gemini generateContent as
//! their owners do, with true rate limits, latencies, errors and faults, and scripted players play the model's part. For
//! demos, dry runs and tests; no key, no money.
//!
//! It keeps an account of every call that it answered, so that tests and benchmarks have a witness. It shares no wire types
//! with the worker's dialects: what both got wrong together, no test would see.

mod access;
mod asked;
mod body;
mod bucket;
mod chat;
mod config;
mod control;
mod door;
mod dynamic;
mod error;
mod fault;
mod gemini;
mod headers;
mod json;
mod ledger;
mod limited;
mod limits;
mod messages;
mod player;
mod pools;
mod profile;
mod reasoning;
mod rejection;
mod reply;
mod responses;
mod rows;
mod server;
mod service;
mod spoiling;
mod timeline;
mod under_way;

pub use config::{Key, ProviderConfig};
pub use error::ProviderError;
pub use fault::{Fault, FaultPlan, Told};
pub use ledger::{ModelStats, Stats};
pub use limits::{Limits, Price, Span, TokenPlan};
pub use player::{Players, Rehearsal};
pub use profile::Profile;
pub use server::{Provider, Running};
