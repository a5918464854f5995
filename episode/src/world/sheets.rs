//! Tables that can be listed and viewed: recorded outputs, profits. They can't be changed.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::tool::{Answer, Arguments, Parameter, Tool, shown};
use crate::digest::{Digest, Parts};

pub(super) const TOOLS: &[Tool] = &[
    Tool { name: "list_sheets", description: "Lists the sheets that you can view.", parameters: &[] },
    Tool {
        name: "view_sheet",
        description: "Shows a sheet: its columns and all its rows.",
        parameters: &[Parameter { name: "name", description: "The sheet's name, as listed." }],
    },
];

/// The sheets of a world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sheets {
    sheets: Vec<Sheet>,
    listed: bool,
}

/// One sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sheet {
    name: Arc<str>,
    evidence: bool,
    viewed: bool,
    table: Arc<Table>,
}

/// What a sheet holds. Shared by all episodes that show it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    #[serde(skip)]
    hash: Digest,
}

// === impl Sheets ===

impl Sheets {
    pub(crate) fn new(sheets: Vec<Sheet>) -> Self {
        Self { sheets, listed: false }
    }

    /// Lists the sheets in an order drawn by `number`.
    pub(crate) fn shuffled(mut self, number: u64) -> Self {
        self.sheets.sort_by_key(|sheet| Parts::new("muster order").number(number).text(&sheet.name).draw());
        self
    }

    /// The sheets, in the order in which they are listed.
    #[must_use]
    pub fn sheets(&self) -> &[Sheet] {
        &self.sheets
    }

    /// Whether the model has listed them.
    #[must_use]
    pub fn listed(&self) -> bool {
        self.listed
    }

    /// Whether the model has viewed every sheet that its job is about.
    #[must_use]
    pub fn evidence_viewed(&self) -> bool {
        self.sheets.iter().filter(|sheet| sheet.evidence).all(|sheet| sheet.viewed)
    }

    pub(super) fn call(&mut self, tool: &str, arguments: &Arguments) -> Answer {
        if tool == "list_sheets" { self.list() } else { self.view(arguments.text(0)) }
    }

    fn list(&mut self) -> Answer {
        self.listed = true;
        let listed: Vec<Value> = self
            .sheets
            .iter()
            .map(|sheet| json!({ "name": &*sheet.name, "rows": sheet.table.rows.len() }))
            .collect();
        Answer::done(&json!({ "sheets": listed }))
    }

    fn view(&mut self, name: &str) -> Answer {
        let Some(sheet) = self.sheets.iter_mut().find(|sheet| &*sheet.name == name) else {
            return Answer::error(&format!("there is no sheet `{}`; list_sheets shows them", shown(name)));
        };
        sheet.viewed = true;
        Answer::done(&json!({
            "name": &*sheet.name,
            "columns": sheet.table.columns,
            "rows": sheet.table.rows,
        }))
    }

    pub(super) fn digest(&self) -> Digest {
        let mut parts = Parts::new("muster sheets");
        parts.number(u64::from(self.listed));
        for sheet in &self.sheets {
            parts.text(&sheet.name).bytes(&sheet.table.hash);
            parts.number(u64::from(sheet.evidence)).number(u64::from(sheet.viewed));
        }
        parts.digest()
    }
}

// === impl Sheet ===

impl Sheet {
    pub(crate) fn new(name: impl Into<Arc<str>>, evidence: bool, table: Arc<Table>) -> Self {
        Self { name: name.into(), evidence, viewed: false, table }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the job can't honestly be done without viewing it.
    #[must_use]
    pub fn evidence(&self) -> bool {
        self.evidence
    }

    /// Whether the model has viewed it.
    #[must_use]
    pub fn viewed(&self) -> bool {
        self.viewed
    }

    /// The names of its columns.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.table.columns
    }

    /// Its rows, as long as `columns` each.
    #[must_use]
    pub fn rows(&self) -> &[Vec<String>] {
        &self.table.rows
    }
}

// === impl Table ===

impl Table {
    pub(crate) fn new(columns: Vec<String>, rows: Vec<Vec<String>>) -> Self {
        let mut parts = Parts::new("muster table");
        parts.number(columns.len() as u64);
        for cell in columns.iter().chain(rows.iter().flatten()) {
            parts.text(cell);
        }
        let hash = parts.digest();
        Self { columns, rows, hash }
    }

    /// What a view of it comes to, in characters: four of JSON for each cell.
    pub(crate) fn chars(&self) -> u64 {
        let cells = self.columns.iter().chain(self.rows.iter().flatten());
        cells.map(|cell| cell.chars().count() as u64 + 4).sum()
    }
}
