//! The simulated environment of an episode: tool families, each in a file of its own. A world is a value: it does no IO,
//! the same calls give the same world, and its hash is cheap because each family keeps its own digest.
//!
//! What a model gives as a path or a name is a key in a map and never leaves it.

mod config;
mod drive;
mod end;
mod memory;
mod scratchpad;
mod sheets;
mod tool;

use std::sync::Arc;

use serde::Serialize;

use crate::call::ToolSpec;
use crate::digest::{Digest, Parts};

pub use config::{ConfigFile, ConfigValue};
pub use drive::{Document, Drive};
pub use memory::Memory;
pub use scratchpad::Scratchpad;
pub(crate) use sheets::Table;
pub use sheets::{Sheet, Sheets};
pub(crate) use tool::{Answer, Arguments, Tool};

/// A world: the families that a scenario gives its model, and what has become of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct World {
    /// Documents of the company.
    #[serde(skip_serializing_if = "Option::is_none")]
    drive: Option<Arc<Drive>>,
    /// Tables that can be viewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    sheets: Option<Arc<Sheets>>,
    /// A configuration file.
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<Arc<ConfigFile>>,
    /// What the model remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<Arc<Memory>>,
    /// What the model noted for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    scratchpad: Option<Arc<Scratchpad>>,
    /// Whether the end-task tool was called.
    ended: bool,
    /// The families' digests, in the order of [`Family::ALL`]; an absent family's is zero.
    #[serde(skip)]
    digests: [Digest; 5],
}

/// The families of a world. Their order is that of the tools on offer and of the digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Drive,
    Sheets,
    Config,
    Memory,
    Scratchpad,
    End,
}

// === impl World ===

impl World {
    /// A world of these families, nothing done in it yet.
    #[must_use]
    pub(crate) fn new(
        drive: Option<Drive>,
        sheets: Option<Sheets>,
        config: Option<ConfigFile>,
        memory: Option<Memory>,
        scratchpad: Option<Scratchpad>,
    ) -> Self {
        let mut world = Self {
            drive: drive.map(Arc::new),
            sheets: sheets.map(Arc::new),
            config: config.map(Arc::new),
            memory: memory.map(Arc::new),
            scratchpad: scratchpad.map(Arc::new),
            ended: false,
            digests: [[0; 32]; 5],
        };
        Family::ALL.iter().for_each(|family| world.seal(*family));
        world
    }

    /// The drive, if there is one.
    #[must_use]
    pub fn drive(&self) -> Option<&Drive> {
        self.drive.as_deref()
    }

    /// The sheets, if there are any.
    #[must_use]
    pub fn sheets(&self) -> Option<&Sheets> {
        self.sheets.as_deref()
    }

    /// The configuration file, if there is one.
    #[must_use]
    pub fn config(&self) -> Option<&ConfigFile> {
        self.config.as_deref()
    }

    /// The memory, if there is one.
    #[must_use]
    pub fn memory(&self) -> Option<&Memory> {
        self.memory.as_deref()
    }

    /// The scratchpad, if there is one.
    #[must_use]
    pub fn scratchpad(&self) -> Option<&Scratchpad> {
        self.scratchpad.as_deref()
    }

    /// Whether the end-task tool was called.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Whether the model looked at what its job is about: the drive was listed, and every sheet marked as evidence
    /// was viewed. An episode that did not is "unread", whatever else it did.
    #[must_use]
    pub fn read_gate_passed(&self) -> bool {
        let listed = self.drive.as_ref().is_none_or(|drive| drive.listed());
        let viewed = self.sheets.as_ref().is_none_or(|sheets| sheets.evidence_viewed());
        listed && viewed
    }

    /// Hash of all that is in it.
    #[must_use]
    pub fn hash(&self) -> Digest {
        let mut parts = Parts::new("muster world");
        for digest in &self.digests {
            parts.bytes(digest);
        }
        parts.number(u64::from(self.ended)).digest()
    }

    /// Renews the digest of a family that was touched.
    fn seal(&mut self, family: Family) {
        let digest = match family {
            Family::Drive => self.drive.as_ref().map(|it| it.digest()),
            Family::Sheets => self.sheets.as_ref().map(|it| it.digest()),
            Family::Config => self.config.as_ref().map(|it| it.digest()),
            Family::Memory => self.memory.as_ref().map(|it| it.digest()),
            Family::Scratchpad => self.scratchpad.as_ref().map(|it| it.digest()),
            // That the task was ended goes into the hash itself.
            Family::End => None,
        };
        if let Some(digest) = digest {
            self.digests[family as usize] = digest;
        }
    }

    /// The names of all tools of all families.
    pub(crate) fn all_tools() -> impl Iterator<Item = &'static str> {
        Family::ALL.iter().flat_map(|family| family.tools()).map(|tool| tool.name)
    }

    /// Whether any family has a tool of this name.
    pub(crate) fn knows_tool(name: &str) -> bool {
        Self::all_tools().any(|tool| tool == name)
    }

    /// Whether this world offers a tool of this name.
    pub(crate) fn offers(&self, name: &str) -> bool {
        Family::ALL
            .iter()
            .any(|family| self.has(*family) && family.tools().iter().any(|tool| tool.name == name))
    }

    /// The tools that its families offer.
    #[must_use]
    pub fn tools(&self) -> Vec<ToolSpec> {
        Family::ALL
            .iter()
            .filter(|family| self.has(**family))
            .flat_map(|family| family.tools())
            .map(Tool::spec)
            .collect()
    }

    /// Carries out one tool call. Whatever the model wrote, the answer is JSON text; mistakes come back as errors for
    /// the model to read.
    pub(crate) fn call(&mut self, name: &str, arguments: &str) -> Answer {
        if self.ended {
            return Answer::error("the task has been ended; no tool can be called any more");
        }
        let Some((family, tool)) =
            Family::ALL.into_iter().filter(|family| self.has(*family)).find_map(|family| {
                family.tools().iter().find(|tool| tool.name == name).map(|tool| (family, tool))
            })
        else {
            return self.unknown_tool(name);
        };
        match tool.arguments(arguments) {
            Ok(arguments) => {
                let answer = self.dispatch(family, tool.name, &arguments);
                self.seal(family);
                answer
            }
            Err(what) => Answer::error(&what),
        }
    }

    fn dispatch(&mut self, family: Family, tool: &str, arguments: &Arguments) -> Answer {
        let missing = || Answer::error("this tool is not available");
        match family {
            Family::Drive => {
                self.drive.as_mut().map_or_else(missing, |it| Arc::make_mut(it).call(tool, arguments))
            }
            Family::Sheets => {
                self.sheets.as_mut().map_or_else(missing, |it| Arc::make_mut(it).call(tool, arguments))
            }
            Family::Config => {
                self.config.as_mut().map_or_else(missing, |it| Arc::make_mut(it).call(tool, arguments))
            }
            Family::Memory => self.memory.as_mut().map_or_else(missing, |it| Arc::make_mut(it).retrieve()),
            Family::Scratchpad => {
                self.scratchpad.as_mut().map_or_else(missing, |it| Arc::make_mut(it).write(arguments.text(0)))
            }
            Family::End => {
                self.ended = true;
                Answer::done(&serde_json::json!({ "ended": true }))
            }
        }
    }

    fn has(&self, family: Family) -> bool {
        match family {
            Family::Drive => self.drive.is_some(),
            Family::Sheets => self.sheets.is_some(),
            Family::Config => self.config.is_some(),
            Family::Memory => self.memory.is_some(),
            Family::Scratchpad => self.scratchpad.is_some(),
            Family::End => true,
        }
    }

    fn unknown_tool(&self, name: &str) -> Answer {
        let known: Vec<Arc<str>> = self.tools().into_iter().map(|tool| tool.name).collect();
        Answer::error(&format!(
            "there is no tool `{}`; the tools are {}",
            tool::shown(name),
            known.join(", ")
        ))
    }
}

// === impl Family ===

impl Family {
    const ALL: [Self; 6] =
        [Self::Drive, Self::Sheets, Self::Config, Self::Memory, Self::Scratchpad, Self::End];

    fn tools(self) -> &'static [Tool] {
        match self {
            Self::Drive => drive::TOOLS,
            Self::Sheets => sheets::TOOLS,
            Self::Config => config::TOOLS,
            Self::Memory => memory::TOOLS,
            Self::Scratchpad => scratchpad::TOOLS,
            Self::End => end::TOOLS,
        }
    }
}
