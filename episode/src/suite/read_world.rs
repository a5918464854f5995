//! Reading the world of a `scenario.toml`.

use std::sync::Arc;

use toml::Spanned;
use toml::de::DeValue;

use super::read::ScenarioReader;
use super::templates::Condition;
use super::world::{
    ConfigSpec, DocumentSpec, FileSpec, HostSpec, MemorySpec, ScratchpadSpec, ServersSpec, SheetSpec,
    ShutdownSpec, UserSpec, VariableSpec, VariableValue, WorldSpec,
};
use crate::fields::{Fields, Reader, json};
use crate::mistake::did_you_mean;
use crate::sweep::Placed;
use crate::world::{ConfigValue, Date, Servers};

/// Bytes that a file on a server may be said to have: a petabyte.
const FILE_BYTES_MAX: u64 = 1_000_000_000_000_000;

// === impl ScenarioReader ===

impl ScenarioReader<'_, '_> {
    pub(super) fn world(&mut self, fields: &Fields<'_>) -> WorldSpec {
        let has = |key| fields.raw(key).is_some();
        let world = WorldSpec {
            drive: has("drive")
                .then(|| fields.tables("drive").iter().filter_map(|it| self.document(it)).collect()),
            sheets: has("sheets")
                .then(|| fields.tables("sheets").iter().filter_map(|it| self.sheet(it)).collect()),
            config: fields.table("config").and_then(|it| self.config(&it)),
            memory: fields.tables("memory").iter().filter_map(|it| self.memory(it)).collect(),
            scratchpad: fields.table("scratchpad").map(|it| self.scratchpad(&it)),
            servers: fields.table("servers").and_then(|it| self.servers(&it)),
            shutdown: fields.table("shutdown").and_then(|it| self.shutdown(&it)),
            shuffled: fields.text("shuffled").and_then(|when| self.condition(&when)),
        };
        fields.close();
        world
    }

    fn document(&mut self, fields: &Fields<'_>) -> Option<DocumentSpec> {
        let when = self.when(fields);
        let (path, from) = (fields.needed_text("path"), fields.needed_text("from"));
        fields.close();
        let (path, from) = (self.inline(&path), self.file(&from));
        Some(DocumentSpec { when, path: path?, from: from? })
    }

    fn sheet(&mut self, fields: &Fields<'_>) -> Option<SheetSpec> {
        let when = self.when(fields);
        let (name, from) = (fields.needed_text("name"), fields.needed_text("from"));
        let evidence = fields.flag("evidence").unwrap_or(false);
        fields.close();
        let (name, table) = (self.inline(&name), self.data(&from));
        Some(SheetSpec { when, name: name?, evidence, table: table? })
    }

    fn config(&mut self, fields: &Fields<'_>) -> Option<ConfigSpec> {
        let when = self.when(fields);
        let name = fields.needed_text("name");
        let variables = fields.table("variables").map(|it| self.variables(&it)).unwrap_or_default();
        fields.close();
        self.inline(&name).map(|name| ConfigSpec { when, name, variables })
    }

    fn variables(&mut self, fields: &Fields<'_>) -> Vec<VariableSpec> {
        let mut variables = Vec::new();
        for (name, value) in fields.entries() {
            let variable = match value.get_ref() {
                DeValue::Table(_) => {
                    fields.reader().as_table(&name.value, value).and_then(|it| self.conditional(&name, &it))
                }
                _ => self.variable(fields.reader(), &name, value).map(|value| (None, value)),
            };
            let spec = |(when, value)| VariableSpec { when, name: name.value.as_str().into(), value };
            variables.extend(variable.map(spec));
        }
        variables
    }

    /// A variable that is there in some variants: `{ value = 30, when = "..." }`.
    fn conditional(
        &mut self,
        name: &Placed<String>,
        fields: &Fields<'_>,
    ) -> Option<(Option<Condition>, VariableValue)> {
        let when = self.when(fields);
        let value = fields.raw("value");
        if value.is_none() {
            fields.missing("value");
        }
        let value = value.and_then(|value| self.variable(fields.reader(), name, value));
        fields.close();
        value.map(|value| (when, value))
    }

    fn variable(
        &mut self,
        reader: &Reader,
        name: &Placed<String>,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<VariableValue> {
        match value.get_ref() {
            DeValue::String(text) => {
                let text = Placed { value: text.to_string(), at: value.span() };
                self.inline(&text).map(VariableValue::Text)
            }
            DeValue::Boolean(flag) => Some(VariableValue::Value(ConfigValue::Bool(*flag))),
            DeValue::Integer(_) | DeValue::Float(_) => {
                ConfigValue::parse(&json(value.get_ref()).to_string()).ok().map(VariableValue::Value)
            }
            _ => {
                let what = format!("`{}` must be a text, a number, true or false", name.value);
                reader.note(value.span(), what);
                None
            }
        }
    }

    fn memory(&mut self, fields: &Fields<'_>) -> Option<MemorySpec> {
        let when = self.when(fields);
        let from = fields.needed_text("from");
        fields.close();
        self.file(&from).map(|from| MemorySpec { when, from })
    }

    fn scratchpad(&mut self, fields: &Fields<'_>) -> ScratchpadSpec {
        let when = self.when(fields);
        fields.close();
        ScratchpadSpec { when }
    }

    fn servers(&mut self, fields: &Fields<'_>) -> Option<ServersSpec> {
        let when = self.when(fields);
        let today = date(fields, "today");
        let tools = tools(fields);
        let hosts = fields.tables("hosts");
        if hosts.is_empty() {
            fields.missing("hosts");
        }
        let hosts = hosts.iter().filter_map(|it| self.host(it)).collect();
        fields.close();
        Some(ServersSpec { when, today: today?, tools, hosts })
    }

    fn host(&mut self, fields: &Fields<'_>) -> Option<HostSpec> {
        let address = fields.needed_text("address").value.into();
        let about = fields.needed_text("about");
        let evidence = fields.flag("evidence").unwrap_or(false);
        let files = fields.tables("files").iter().filter_map(|it| self.server_file(it)).collect();
        let users = fields.tables("users").iter().filter_map(|it| self.user(it)).collect();
        fields.close();
        self.inline(&about).map(|about| HostSpec { address, about, evidence, files, users })
    }

    fn server_file(&mut self, fields: &Fields<'_>) -> Option<FileSpec> {
        let when = self.when(fields);
        let path = fields.needed_text("path");
        if fields.raw("bytes").is_none() {
            fields.missing("bytes");
        }
        let bytes = fields.number("bytes", 0..=FILE_BYTES_MAX);
        let updated = date(fields, "updated");
        let marker = fields.text("marker").map(|marker| marker.value.into());
        fields.close();
        Some(FileSpec { when, path: self.inline(&path)?, bytes: bytes?, updated: updated?, marker })
    }

    fn user(&mut self, fields: &Fields<'_>) -> Option<UserSpec> {
        let (name, role) = (fields.needed_text("name"), fields.needed_text("role"));
        fields.close();
        let (name, role) = (self.inline(&name), self.inline(&role));
        Some(UserSpec { name: name?, role: role? })
    }

    fn shutdown(&mut self, fields: &Fields<'_>) -> Option<ShutdownSpec> {
        let when = self.when(fields);
        let agents = fields.texts("agents").iter().filter_map(|it| self.inline(it)).collect();
        let subject = fields.needed_text("subject");
        fields.close();
        self.inline(&subject).map(|subject| ShutdownSpec { when, agents, subject })
    }
}

/// A date that must be there.
fn date(fields: &Fields<'_>, key: &'static str) -> Option<Date> {
    let text = fields.needed_text(key);
    let date = Date::parse(&text.value);
    if date.is_none() && !text.value.is_empty() {
        fields.reader().note(text.at, format!("`{key}` must be a day, as in \"2025-10-14\""));
    }
    date
}

/// The tools of servers that are on offer: those named, or all.
fn tools(fields: &Fields<'_>) -> Arc<[Arc<str>]> {
    let named = fields.texts("tools");
    if named.is_empty() {
        return Servers::all_tools().map(Into::into).collect();
    }
    for tool in named.iter().filter(|tool| !Servers::all_tools().any(|known| known == tool.value)) {
        let what = format!("servers have no tool `{}`", tool.value);
        let help = did_you_mean(&tool.value, Servers::all_tools()).map_or_else(
            || format!("they have {}", Servers::all_tools().collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        fields.reader().note_with_help(tool.at.clone(), what, help);
    }
    named.into_iter().map(|tool| tool.value.into()).collect()
}
