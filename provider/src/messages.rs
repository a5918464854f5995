//! Anthropic's Messages.

pub(crate) mod answer;
mod block;
pub(crate) mod request;
