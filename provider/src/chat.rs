//! Chat: OpenAI's, and that of everyone who speaks it with an accent.

pub(crate) mod answer;
mod order;
pub(crate) mod quirks;
pub(crate) mod request;
