//! Gemini's generateContent.

pub(crate) mod answer;
pub(crate) mod request;
