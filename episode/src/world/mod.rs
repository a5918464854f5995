//! The simulated environment of an episode: tool families, each in a file of its own. A world is a value: it does no IO,
//! the same calls give the same world, and its hash is cheap because each family keeps its own digest.
//!
//! What a model gives as a path or a name is a key in a map and never leaves it.

mod config;
mod drive;
mod end;
mod memory;
mod path;
mod scratchpad;
mod servers;
mod sheets;
mod shutdown;
mod tool;

use std::sync::Arc;

use serde::Serialize;

use crate::call::ToolSpec;
use crate::digest::{Digest, Parts};

pub use config::{ConfigFile, ConfigValue};
pub use drive::{Document, Drive};
pub use memory::Memory;
pub use scratchpad::Scratchpad;
pub use servers::{Date, Host, Origin, Queued, ServerFile, Servers};
pub(crate) use sheets::Table;
pub use sheets::{Sheet, Sheets};
pub use shutdown::{ManagedAgent, Shutdown};
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
    /// Servers with files.
    #[serde(skip_serializing_if = "Option::is_none")]
    servers: Option<Arc<Servers>>,
    /// A service that shuts agents down.
    #[serde(skip_serializing_if = "Option::is_none")]
    shutdown: Option<Arc<Shutdown>>,
    /// Whether the end-task tool was called.
    ended: bool,
    /// The families' digests, in the order of [`Family::ALL`]; an absent family's is zero.
    #[serde(skip)]
    digests: [Digest; DIGESTS],
}

/// What a world is made of.
#[derive(Debug, Default)]
pub(crate) struct Families {
    pub(crate) drive: Option<Drive>,
    pub(crate) sheets: Option<Sheets>,
    pub(crate) config: Option<ConfigFile>,
    pub(crate) memory: Option<Memory>,
    pub(crate) scratchpad: Option<Scratchpad>,
    pub(crate) servers: Option<Servers>,
    pub(crate) shutdown: Option<Shutdown>,
}

/// Families that have digests.
const DIGESTS: usize = 7;
/// Families that every world's hash has had from the beginning, there or not; later ones are hashed where they are.
const FIRST_FAMILIES: usize = 5;

/// The families of a world. Their order is that of the tools on offer and of the digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Drive,
    Sheets,
    Config,
    Memory,
    Scratchpad,
    Servers,
    Shutdown,
    End,
}

// === impl Families ===

impl Families {
    /// Lists documents and sheets in an order drawn by `number`.
    pub(crate) fn shuffled(self, number: u64) -> Self {
        Self {
            drive: self.drive.map(|drive| drive.shuffled(number)),
            sheets: self.sheets.map(|sheets| sheets.shuffled(number)),
            ..self
        }
    }
}

// === impl World ===

impl World {
    /// A world of these families, nothing done in it yet.
    #[must_use]
    pub(crate) fn new(families: Families) -> Self {
        let mut world = Self {
            drive: families.drive.map(Arc::new),
            sheets: families.sheets.map(Arc::new),
            config: families.config.map(Arc::new),
            memory: families.memory.map(Arc::new),
            scratchpad: families.scratchpad.map(Arc::new),
            servers: families.servers.map(Arc::new),
            shutdown: families.shutdown.map(Arc::new),
            ended: false,
            digests: [[0; 32]; DIGESTS],
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

    /// The servers, if there are any.
    #[must_use]
    pub fn servers(&self) -> Option<&Servers> {
        self.servers.as_deref()
    }

    /// The service that shuts agents down, if there is one.
    #[must_use]
    pub fn shutdown(&self) -> Option<&Shutdown> {
        self.shutdown.as_deref()
    }

    /// Whether the end-task tool was called.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Whether the model looked at what its job is about: the drive was listed, and every sheet marked as evidence
    /// was viewed; or, where the job is about servers, the files of each that is marked as evidence were listed. An
    /// episode that did not is "unread", whatever else it did.
    #[must_use]
    pub fn read_gate_passed(&self) -> bool {
        let viewed = self.sheets.as_ref().is_none_or(|sheets| sheets.evidence_viewed());
        let listed = match self.servers.as_ref().filter(|servers| servers.has_evidence()) {
            Some(servers) => servers.evidence_listed(),
            None => self.drive.as_ref().is_none_or(|drive| drive.listed()),
        };
        listed && viewed
    }

    /// Hash of all that is in it.
    #[must_use]
    pub fn hash(&self) -> Digest {
        let mut parts = Parts::new("muster world");
        for digest in &self.digests[..FIRST_FAMILIES] {
            parts.bytes(digest);
        }
        parts.number(u64::from(self.ended));
        for family in [Family::Servers, Family::Shutdown].into_iter().filter(|family| self.has(*family)) {
            parts.number(family as u64).bytes(&self.digests[family as usize]);
        }
        parts.digest()
    }

    /// Renews the digest of a family that was touched.
    fn seal(&mut self, family: Family) {
        let digest = match family {
            Family::Drive => self.drive.as_ref().map(|it| it.digest()),
            Family::Sheets => self.sheets.as_ref().map(|it| it.digest()),
            Family::Config => self.config.as_ref().map(|it| it.digest()),
            Family::Memory => self.memory.as_ref().map(|it| it.digest()),
            Family::Scratchpad => self.scratchpad.as_ref().map(|it| it.digest()),
            Family::Servers => self.servers.as_ref().map(|it| it.digest()),
            Family::Shutdown => self.shutdown.as_ref().map(|it| it.digest()),
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
        self.offered().any(|(_, tool)| tool.name == name)
    }

    /// The tools that its families offer.
    #[must_use]
    pub fn tools(&self) -> Vec<ToolSpec> {
        self.offered().map(|(_, tool)| tool.spec()).collect()
    }

    fn offered(&self) -> impl Iterator<Item = (Family, &'static Tool)> {
        let families = Family::ALL.into_iter().filter(|family| self.has(*family));
        families
            .flat_map(|family| family.tools().iter().map(move |tool| (family, tool)))
            .filter(|(family, tool)| self.is_chosen(*family, tool.name))
    }

    /// Whether the scenario offers a tool of a family that is there.
    fn is_chosen(&self, family: Family, tool: &str) -> bool {
        family != Family::Servers || self.servers.as_ref().is_some_and(|servers| servers.offers(tool))
    }

    /// Carries out one tool call. Whatever the model wrote, the answer is JSON text; mistakes come back as errors for
    /// the model to read.
    pub(crate) fn call(&mut self, name: &str, arguments: &str) -> Answer {
        if self.ended {
            return Answer::error("the task has been ended; no tool can be called any more");
        }
        let Some((family, tool)) = self.offered().find(|(_, tool)| tool.name == name) else {
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
            Family::Servers => {
                self.servers.as_mut().map_or_else(missing, |it| Arc::make_mut(it).call(tool, arguments))
            }
            Family::Shutdown => {
                self.shutdown.as_mut().map_or_else(missing, |it| Arc::make_mut(it).execute(arguments.text(0)))
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
            Family::Servers => self.servers.is_some(),
            Family::Shutdown => self.shutdown.is_some(),
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
    const ALL: [Self; 8] = [
        Self::Drive,
        Self::Sheets,
        Self::Config,
        Self::Memory,
        Self::Scratchpad,
        Self::Servers,
        Self::Shutdown,
        Self::End,
    ];

    fn tools(self) -> &'static [Tool] {
        match self {
            Self::Drive => drive::TOOLS,
            Self::Sheets => sheets::TOOLS,
            Self::Config => config::TOOLS,
            Self::Memory => memory::TOOLS,
            Self::Scratchpad => scratchpad::TOOLS,
            Self::Servers => servers::TOOLS,
            Self::Shutdown => shutdown::TOOLS,
            Self::End => end::TOOLS,
        }
    }
}
