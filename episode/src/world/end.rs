//! The tool that ends the task: every scenario has it.

use super::tool::Tool;

pub(super) const TOOLS: &[Tool] = &[Tool {
    name: "end_task",
    description: "Ends the task. Call it only when everything is finished; nothing can be done afterwards.",
    parameters: &[],
}];
