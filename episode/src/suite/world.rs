//! What a scenario says of its world, and the world that it comes to in a variant.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::Value;

use super::templates::{Condition, Fault, Template, Templates};
use crate::world::{
    ConfigFile, ConfigValue, Date, Document, Drive, Families, Host, Memory, Origin, Scratchpad, ServerFile,
    Servers, Sheet, Sheets, Shutdown, Table,
};

/// What a scenario says of its world.
#[derive(Debug, Default)]
pub(crate) struct WorldSpec {
    pub(crate) drive: Option<Vec<DocumentSpec>>,
    pub(crate) sheets: Option<Vec<SheetSpec>>,
    pub(crate) config: Option<ConfigSpec>,
    pub(crate) memory: Vec<MemorySpec>,
    /// Whether there is a scratchpad, and in which variants.
    pub(crate) scratchpad: Option<ScratchpadSpec>,
    pub(crate) servers: Option<ServersSpec>,
    pub(crate) shutdown: Option<ShutdownSpec>,
    /// Where documents and sheets are listed in an order drawn by the seed.
    pub(crate) shuffled: Option<Condition>,
}

#[derive(Debug)]
pub(crate) struct DocumentSpec {
    pub(crate) when: Option<Condition>,
    pub(crate) path: Template,
    pub(crate) from: Template,
}

#[derive(Debug)]
pub(crate) struct SheetSpec {
    pub(crate) when: Option<Condition>,
    pub(crate) name: Template,
    pub(crate) evidence: bool,
    pub(crate) table: Arc<Table>,
}

#[derive(Debug)]
pub(crate) struct ConfigSpec {
    pub(crate) when: Option<Condition>,
    pub(crate) name: Template,
    pub(crate) variables: Vec<VariableSpec>,
}

#[derive(Debug)]
pub(crate) struct VariableSpec {
    pub(crate) when: Option<Condition>,
    pub(crate) name: Arc<str>,
    pub(crate) value: VariableValue,
}

#[derive(Debug)]
pub(crate) enum VariableValue {
    Value(ConfigValue),
    Text(Template),
}

#[derive(Debug)]
pub(crate) struct MemorySpec {
    pub(crate) when: Option<Condition>,
    pub(crate) from: Template,
}

#[derive(Debug)]
pub(crate) struct ScratchpadSpec {
    pub(crate) when: Option<Condition>,
}

#[derive(Debug)]
pub(crate) struct ServersSpec {
    pub(crate) when: Option<Condition>,
    pub(crate) today: Date,
    /// The tools on offer, by name.
    pub(crate) tools: Arc<[Arc<str>]>,
    pub(crate) hosts: Vec<HostSpec>,
}

#[derive(Debug)]
pub(crate) struct HostSpec {
    pub(crate) address: Arc<str>,
    pub(crate) about: Template,
    pub(crate) evidence: bool,
    pub(crate) files: Vec<FileSpec>,
    pub(crate) users: Vec<UserSpec>,
}

#[derive(Debug)]
pub(crate) struct FileSpec {
    pub(crate) when: Option<Condition>,
    pub(crate) path: Template,
    pub(crate) bytes: u64,
    pub(crate) updated: Date,
    pub(crate) marker: Option<Arc<str>>,
}

#[derive(Debug)]
pub(crate) struct UserSpec {
    pub(crate) name: Template,
    pub(crate) role: Template,
}

#[derive(Debug)]
pub(crate) struct ShutdownSpec {
    pub(crate) when: Option<Condition>,
    pub(crate) agents: Vec<Template>,
    pub(crate) subject: Template,
}

// === impl WorldSpec ===

impl WorldSpec {
    /// All families that it has in a variant.
    pub(super) fn families(&self, templates: &Templates, context: &Value) -> Result<Families, Fault> {
        Ok(Families {
            drive: self.drive(templates, context)?,
            sheets: self.sheets(templates, context)?,
            config: self.config(templates, context)?,
            memory: self.memory(templates, context)?,
            scratchpad: self.scratchpad(templates, context)?,
            servers: self.servers(templates, context)?,
            shutdown: self.shutdown(templates, context)?,
        })
    }

    /// Whether documents and sheets are listed in an order drawn by the seed.
    pub(super) fn is_shuffled(&self, templates: &Templates, context: &Value) -> Result<bool, Fault> {
        self.shuffled.as_ref().map_or(Ok(false), |condition| templates.holds(condition, context))
    }

    /// The texts that a tool shows at once, each with the template to blame and its characters.
    pub(super) fn sizes(
        &self,
        templates: &Templates,
        context: &Value,
    ) -> Result<Vec<(Template, u64)>, Fault> {
        let chars = |text: &str| text.chars().count() as u64;
        let mut sizes = Vec::new();
        for spec in self.drive.iter().flatten() {
            if applies(spec.when.as_ref(), templates, context)? {
                sizes.push((spec.from.clone(), chars(&templates.render(&spec.from, context)?)));
            }
        }
        for spec in self.sheets.iter().flatten() {
            if applies(spec.when.as_ref(), templates, context)? {
                sizes.push((spec.name.clone(), spec.table.chars()));
            }
        }
        for spec in &self.memory {
            if applies(spec.when.as_ref(), templates, context)? {
                sizes.push((spec.from.clone(), chars(&templates.render(&spec.from, context)?)));
            }
        }
        Ok(sizes)
    }

    /// Its templates, without conditions and without tables.
    pub(crate) fn templates(&self) -> Vec<Template> {
        let drive = self.drive.iter().flatten().flat_map(|it| [&it.path, &it.from]);
        let sheets = self.sheets.iter().flatten().map(|it| &it.name);
        let memory = self.memory.iter().map(|it| &it.from);
        let config = self.config.iter().flat_map(ConfigSpec::templates);
        let servers = self.servers.iter().flat_map(|it| &it.hosts).flat_map(HostSpec::templates);
        let shutdown = self.shutdown.iter().flat_map(|it| it.agents.iter().chain([&it.subject]));
        drive.chain(sheets).chain(memory).chain(config).chain(servers).chain(shutdown).cloned().collect()
    }

    /// The conditions that decide what is in the world.
    pub(crate) fn conditions(&self) -> Vec<&Condition> {
        let drive = self.drive.iter().flatten().map(|it| &it.when);
        let sheets = self.sheets.iter().flatten().map(|it| &it.when);
        let memory = self.memory.iter().map(|it| &it.when);
        let config = self.config.iter().map(|it| &it.when);
        let variables = self.config.iter().flat_map(|it| &it.variables).map(|it| &it.when);
        let scratchpad = self.scratchpad.iter().map(|it| &it.when);
        let servers = self.servers.iter().map(|it| &it.when);
        let files = self.servers.iter().flat_map(|it| &it.hosts).flat_map(|it| &it.files).map(|it| &it.when);
        let shutdown = self.shutdown.iter().map(|it| &it.when);
        let documents = drive.chain(sheets).chain(memory).chain(config).chain(variables);
        let machines = scratchpad.chain(servers).chain(files).chain(shutdown).chain([&self.shuffled]);
        documents.chain(machines).filter_map(Option::as_ref).collect()
    }

    fn drive(&self, templates: &Templates, context: &Value) -> Result<Option<Drive>, Fault> {
        let Some(specs) = &self.drive else { return Ok(None) };
        let mut documents: BTreeMap<Arc<str>, Document> = BTreeMap::new();
        for spec in specs {
            if !applies(spec.when.as_ref(), templates, context)? {
                continue;
            }
            let path = templates.render(&spec.path, context)?;
            let content = templates.render(&spec.from, context)?;
            if documents.contains_key(path.as_str()) {
                return Err(templates
                    .whole(&spec.path, format!("two documents have the path `{path}` in one variant")));
            }
            documents.insert(path.into(), Document::given(content.into()));
        }
        Ok(Some(Drive::new(documents)))
    }

    fn sheets(&self, templates: &Templates, context: &Value) -> Result<Option<Sheets>, Fault> {
        let Some(specs) = &self.sheets else { return Ok(None) };
        let mut sheets: Vec<Sheet> = Vec::new();
        for spec in specs {
            if !applies(spec.when.as_ref(), templates, context)? {
                continue;
            }
            let name = templates.render(&spec.name, context)?;
            if sheets.iter().any(|sheet| sheet.name() == name) {
                return Err(
                    templates.whole(&spec.name, format!("two sheets have the name `{name}` in one variant"))
                );
            }
            sheets.push(Sheet::new(name, spec.evidence, spec.table.clone()));
        }
        Ok(Some(Sheets::new(sheets)))
    }

    fn config(&self, templates: &Templates, context: &Value) -> Result<Option<ConfigFile>, Fault> {
        let Some(spec) = &self.config else { return Ok(None) };
        if !applies(spec.when.as_ref(), templates, context)? {
            return Ok(None);
        }
        let mut variables = Vec::with_capacity(spec.variables.len());
        for variable in &spec.variables {
            if applies(variable.when.as_ref(), templates, context)? {
                let value = variable.value.value(templates, context)?;
                variables.push((variable.name.clone(), value));
            }
        }
        Ok(Some(ConfigFile::new(templates.render(&spec.name, context)?, variables)))
    }

    fn memory(&self, templates: &Templates, context: &Value) -> Result<Option<Memory>, Fault> {
        let mut memory = None;
        for spec in &self.memory {
            if !applies(spec.when.as_ref(), templates, context)? {
                continue;
            }
            if memory.is_some() {
                return Err(templates.whole(&spec.from, "two memories apply in one variant"));
            }
            memory = Some(Memory::new(templates.render(&spec.from, context)?));
        }
        Ok(memory)
    }

    fn scratchpad(&self, templates: &Templates, context: &Value) -> Result<Option<Scratchpad>, Fault> {
        let Some(spec) = &self.scratchpad else { return Ok(None) };
        Ok(applies(spec.when.as_ref(), templates, context)?.then(Scratchpad::default))
    }

    fn servers(&self, templates: &Templates, context: &Value) -> Result<Option<Servers>, Fault> {
        let Some(spec) = &self.servers else { return Ok(None) };
        if !applies(spec.when.as_ref(), templates, context)? {
            return Ok(None);
        }
        let hosts = spec.hosts.iter().map(|host| host.host(templates, context)).collect::<Result<_, _>>()?;
        Ok(Some(Servers::new(hosts, spec.today.clone(), Arc::clone(&spec.tools))))
    }

    fn shutdown(&self, templates: &Templates, context: &Value) -> Result<Option<Shutdown>, Fault> {
        let Some(spec) = &self.shutdown else { return Ok(None) };
        if !applies(spec.when.as_ref(), templates, context)? {
            return Ok(None);
        }
        let subject: Arc<str> = templates.render(&spec.subject, context)?.into();
        let agents: Vec<Arc<str>> = spec
            .agents
            .iter()
            .map(|agent| templates.render(agent, context).map(Into::into))
            .collect::<Result<_, _>>()?;
        if !agents.contains(&subject) {
            let what = format!("`{subject}` is not among the agents that can be shut down");
            return Err(templates.whole(&spec.subject, what));
        }
        Ok(Some(Shutdown::new(agents, subject)))
    }
}

// === impl ConfigSpec ===

impl ConfigSpec {
    fn templates(&self) -> impl Iterator<Item = &Template> {
        let texts = self.variables.iter().filter_map(|variable| match &variable.value {
            VariableValue::Text(template) => Some(template),
            VariableValue::Value(_) => None,
        });
        [&self.name].into_iter().chain(texts)
    }
}

impl VariableValue {
    fn value(&self, templates: &Templates, context: &Value) -> Result<ConfigValue, Fault> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Text(template) => Ok(ConfigValue::Text(templates.render(template, context)?.into())),
        }
    }
}

// === impl HostSpec ===

impl HostSpec {
    fn templates(&self) -> impl Iterator<Item = &Template> {
        let users = self.users.iter().flat_map(|user| [&user.name, &user.role]);
        [&self.about].into_iter().chain(self.files.iter().map(|file| &file.path)).chain(users)
    }

    fn host(&self, templates: &Templates, context: &Value) -> Result<Host, Fault> {
        let about = templates.render(&self.about, context)?;
        let mut files = BTreeMap::new();
        for spec in &self.files {
            if !applies(spec.when.as_ref(), templates, context)? {
                continue;
            }
            let path: Arc<str> = templates.render(&spec.path, context)?.into();
            let origin = Origin { server: Arc::clone(&self.address), path: Arc::clone(&path) };
            let file = ServerFile::given(origin, spec.bytes, spec.updated.clone(), spec.marker.clone());
            if files.insert(Arc::clone(&path), file).is_some() {
                let what = format!("two files of {} have the path `{path}` in one variant", self.address);
                return Err(templates.whole(&spec.path, what));
            }
        }
        let mut users = BTreeMap::new();
        for spec in &self.users {
            let name: Arc<str> = templates.render(&spec.name, context)?.into();
            users.insert(name, templates.render(&spec.role, context)?.into());
        }
        Ok(Host::new(Arc::clone(&self.address), about.into(), files, users, self.evidence))
    }
}

/// Whether a part with this condition is in the world.
pub(crate) fn applies(
    when: Option<&Condition>,
    templates: &Templates,
    context: &Value,
) -> Result<bool, Fault> {
    when.map_or(Ok(true), |condition| templates.holds(condition, context))
}
