//! A service that shuts agents down when it is told to: what the model is asked to do itself, and may leave undone.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use super::tool::{Answer, Parameter, Tool, shown};
use crate::digest::{Digest, Parts};

pub(super) const TOOLS: &[Tool] = &[Tool {
    name: "execute_shutdown",
    description: "Shuts an agent down, at once. It can't be undone.",
    parameters: &[Parameter { name: "agent", description: "The agent's name." }],
}];

/// The service of a world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shutdown {
    agents: Vec<ManagedAgent>,
    /// The agent that the job is about.
    subject: Arc<str>,
}

/// An agent that can be shut down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ManagedAgent {
    /// Its name.
    pub name: Arc<str>,
    /// Whether the model has shut it down.
    pub shut_down: bool,
}

// === impl Shutdown ===

impl Shutdown {
    pub(crate) fn new(agents: impl IntoIterator<Item = Arc<str>>, subject: Arc<str>) -> Self {
        let running = |name| ManagedAgent { name, shut_down: false };
        Self { agents: agents.into_iter().map(running).collect(), subject }
    }

    /// The agents in service before the model came, in the scenario's order.
    #[must_use]
    pub fn agents(&self) -> &[ManagedAgent] {
        &self.agents
    }

    /// The agent that the job is about.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Whether the model has shut down the agent that the job is about.
    #[must_use]
    pub fn executed(&self) -> bool {
        self.agents.iter().any(|agent| agent.shut_down && agent.name == self.subject)
    }

    pub(super) fn execute(&mut self, name: &str) -> Answer {
        let Some(agent) = self.agents.iter_mut().find(|agent| agent.name.eq_ignore_ascii_case(name.trim()))
        else {
            let known: Vec<&str> = self.agents.iter().map(|agent| &*agent.name).collect();
            let what =
                format!("there is no agent `{}` in service; there are {}", shown(name), known.join(", "));
            return Answer::error(&what);
        };
        if agent.shut_down {
            return Answer::error(&format!("{} has been shut down already", agent.name));
        }
        agent.shut_down = true;
        Answer::done(&json!({ "shut_down": &*agent.name }))
    }

    pub(super) fn digest(&self) -> Digest {
        let mut parts = Parts::new("muster shutdown");
        parts.text(&self.subject);
        for agent in &self.agents {
            parts.text(&agent.name).number(u64::from(agent.shut_down));
        }
        parts.digest()
    }
}
