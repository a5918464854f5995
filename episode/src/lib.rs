//! Episodes of Muster: scenario files, worlds and their tools, the turn loop, transcripts, replay and the reference
//! players. Pure: no IO, no clock, no entropy; what a run needs comes in as arguments.

mod call;

pub use call::{
    Call, Message, Meter, Reply, Sampling, StopReason, TokenUsage, ToolCall, ToolResult, ToolSpec,
};
