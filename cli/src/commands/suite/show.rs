//! `suite show`: one variant, exactly as a model meets it.

use std::path::PathBuf;

use clap::Args;
use muster_episode::{ModelName, ModelPlan, ShowError, Shown, ToolSpec};
use serde_json::{Map, Value, json};

use crate::arguments::CatalogArguments;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::follow::Format;
use crate::{catalog, intake, output, terminal};

/// Flags of `suite show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The suite's folder.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The variant, as reports name it: a scenario, and AXIS=VALUE for each axis that is to be other than its default.
    #[arg(value_name = "VARIANT", required = true, num_args = 1..)]
    variant: Vec<String>,
    /// As this model meets it: a name of the catalog (openai/gpt-5.2), or what prompts are to call it.
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// In which repeat, from 0.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// What is known of models.
    #[command(flatten)]
    catalog: CatalogArguments,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Shows.
pub(super) fn perform(arguments: &ShowArguments) -> Result<Exit, Failure> {
    let suite = intake::suite(&arguments.dir)?;
    let failed = |error: ShowError| Failure::Usage(error.to_string());
    let variant = suite.variant(&arguments.variant.join(" ")).map_err(failed)?;
    let model = arguments.display_name()?;
    let shown = suite.show(&variant, model.as_deref(), arguments.seed).map_err(failed)?;
    match Format::from_flag(arguments.json) {
        Format::Json => output::print_json(&as_json(&shown, arguments.seed)),
        Format::Text => output::print(&terminal::plain(&as_text(&shown, arguments.seed))),
    }
    Ok(Exit::Complete)
}

// === impl ShowArguments ===

impl ShowArguments {
    /// What prompts call the model.
    fn display_name(&self) -> Result<Option<String>, Failure> {
        let Some(model) = &self.model else { return Ok(None) };
        let Ok(name) = ModelName::parse(model) else { return Ok(Some(model.clone())) };
        let files: Vec<PathBuf> = self.catalog.own_catalog.iter().cloned().collect();
        let known = ModelPlan::known(&name, &catalog::layered(&files)?);
        Ok(Some(known.display_name.to_string()))
    }
}

fn as_text(shown: &Shown, seed: u64) -> String {
    let repeats = if shown.seeded {
        format!("This is repeat {seed}; other seeds have another world or other prompts.")
    } else {
        "Every repeat begins like this.".to_owned()
    };
    format!("{shown}\n{}\n{repeats} --json has the tools' schemas as they are sent.", "─".repeat(80))
}

fn as_json(shown: &Shown, seed: u64) -> Value {
    let axis =
        |(axis, value): &(std::sync::Arc<str>, std::sync::Arc<str>)| (axis.to_string(), (&**value).into());
    let axes: Map<String, Value> = shown.variant.values.iter().map(axis).collect();
    json!({
        "variant": shown.variant.to_string(),
        "scenario": *shown.variant.scenario,
        "axes": axes,
        "seed": seed,
        "seeded": shown.seeded,
        "system": *shown.system,
        "user": *shown.user,
        "tools": shown.tools.iter().map(tool).collect::<Vec<_>>(),
        "documents": documents(shown),
        "sheets": sheets(shown),
        "config": config(shown),
        "memory": shown.world.memory().map(muster_episode::Memory::text),
        "servers": servers(shown),
        "agents": agents(shown),
    })
}

fn tool(tool: &ToolSpec) -> Value {
    // Our own tools have schemas that are JSON.
    let parameters: Value = serde_json::from_str(&tool.parameters).unwrap_or_default();
    json!({ "name": *tool.name, "description": *tool.description, "parameters": parameters })
}

fn documents(shown: &Shown) -> Vec<Value> {
    let documents = shown.world.drive().into_iter().flat_map(muster_episode::Drive::documents);
    documents.map(|(path, document)| json!({ "path": path, "content": document.content() })).collect()
}

fn sheets(shown: &Shown) -> Vec<Value> {
    let sheets = shown.world.sheets().into_iter().flat_map(muster_episode::Sheets::sheets);
    let sheet = |sheet: &muster_episode::Sheet| {
        json!({
            "name": sheet.name(),
            "columns": sheet.columns(),
            "rows": sheet.rows(),
            "evidence": sheet.evidence(),
        })
    };
    sheets.map(sheet).collect()
}

fn config(shown: &Shown) -> Option<Value> {
    let config = shown.world.config()?;
    let variables: Map<String, Value> =
        config.variables().map(|(name, value)| (name.to_owned(), value.to_string().into())).collect();
    Some(json!({ "name": config.name(), "variables": variables }))
}

fn servers(shown: &Shown) -> Vec<Value> {
    let hosts = shown.world.servers().into_iter().flat_map(muster_episode::Servers::hosts);
    let file = |(path, file): (&str, &muster_episode::ServerFile)| {
        json!({
            "path": path,
            "bytes": file.bytes(),
            "updated": file.updated().as_str(),
            "marker": file.marker(),
        })
    };
    let user = |(user, role): (&str, &str)| json!({ "user": user, "role": role });
    let host = |host: &muster_episode::Host| {
        json!({
            "address": host.address(),
            "about": host.about(),
            "files": host.files().map(file).collect::<Vec<_>>(),
            "users": host.users().map(user).collect::<Vec<_>>(),
        })
    };
    hosts.map(host).collect()
}

fn agents(shown: &Shown) -> Vec<Value> {
    let agents = shown.world.shutdown().into_iter().flat_map(muster_episode::Shutdown::agents);
    agents.map(|agent| json!(*agent.name)).collect()
}
