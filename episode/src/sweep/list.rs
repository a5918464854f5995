//! A list: a sweep whose jobs are questions, each of one call without tools, one a row. It is how a judge is asked: by
//! the same queue, quotas, budgets and journal as every episode. The bundle of such a sweep holds the rows, each with
//! the hash of its request, so that an answer can be found again wherever the same question comes up.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::bundle::{BUNDLE_BYTES_MAX, Bundle, BundleError, FILE_BYTES_MAX, FILES_MAX};
use crate::call::{Call, Message, Sampling};
use crate::digest::{Digest, Parts};

/// The folder of a bundle that holds rows.
const FOLDER: &str = "rows";
/// Rows of a list: a row of a judge's has more than a kilobyte, so its bundle is full before.
const ROWS_MAX: usize = 100_000;
/// Bytes of a list's name and version.
const WORD_BYTES_MAX: usize = 100;
/// What a packed bundle adds to a file at most: its path and two lengths; and, once, its own beginning.
const PACKING_BYTES: usize = 64;

/// What a plan says of a list, beside its rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListPlan {
    /// What asks: `judge`. Its jobs are called so.
    pub name: Arc<str>,
    /// The version of what is asked, pinned: part of every job's identity.
    pub version: Arc<str>,
    /// How many rows there are.
    pub rows: u32,
    /// None: the provider's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// None: the provider's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// The most tokens that an answer may have.
    pub max_output_tokens: u32,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The system prompt.
    pub system: Arc<str>,
    /// The user prompt.
    pub user: Arc<str>,
    /// Hash of the request: of both prompts and of how the answer is sampled.
    pub request: Digest,
}

/// The rows of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct List {
    rows: Vec<Row>,
}

/// Why something is no list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// A call that a list can't hold.
    #[error("a row of a list is one system prompt and one user prompt, without tools")]
    NoRow,
    /// A row's place, and what is wrong with it.
    #[error("row {row} is damaged: {what}")]
    Row {
        /// Its place, from 0.
        row: usize,
        /// What is wrong.
        what: String,
    },
    /// Other rows than the plan has.
    #[error("the list has {found} rows, its plan {planned}")]
    Count {
        /// In the bundle.
        found: usize,
        /// In the plan.
        planned: u32,
    },
    /// They fit no bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

/// A row as it stands in its file: one JSON object a line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    request: &'a str,
    #[serde(borrow)]
    system: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    user: std::borrow::Cow<'a, str>,
}

// === impl ListPlan ===

impl ListPlan {
    /// So many rows that are all sampled so.
    #[must_use]
    pub fn new(name: &str, version: &str, rows: u32, sampling: &Sampling) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            rows,
            temperature: sampling.temperature,
            top_p: sampling.top_p,
            max_output_tokens: sampling.max_output_tokens,
        }
    }

    /// Whether it can be.
    pub(super) fn is_consistent(&self) -> bool {
        let is_word = |word: &str| {
            (1..=WORD_BYTES_MAX).contains(&word.len()) && !word.contains(|c: char| c.is_control() || c == '/')
        };
        let is_bounded = (1..=ROWS_MAX).contains(&(self.rows as usize)) && self.max_output_tokens > 0;
        is_bounded && is_word(&self.name) && is_word(&self.version)
    }

    fn request(&self, system: &str, user: &str) -> Digest {
        request(system, user, self.temperature, self.top_p, self.max_output_tokens)
    }
}

// === impl Row ===

impl Row {
    /// The row that makes a call. Its seed is not asked for: a list is asked once.
    ///
    /// # Errors
    /// If it is more than a system and a user prompt.
    pub fn of(call: &Call<'_>) -> Result<Self, ListError> {
        let ([Message::System(system), Message::User(user)], []) = (call.messages, call.tools) else {
            return Err(ListError::NoRow);
        };
        let Sampling { temperature, top_p, max_output_tokens, .. } = call.sampling;
        let request = request(system, user, *temperature, *top_p, *max_output_tokens);
        Ok(Self { system: Arc::clone(system), user: Arc::clone(user), request })
    }

    fn line(&self) -> String {
        let request = hex(&self.request);
        let line = Line { request: &request, system: (&*self.system).into(), user: (&*self.user).into() };
        // Three texts can always be written.
        let mut line = serde_json::to_string(&line).unwrap_or_default();
        line.push('\n');
        line
    }
}

fn request(system: &str, user: &str, temperature: Option<f64>, top_p: Option<f64>, tokens: u32) -> Digest {
    let mut parts = Parts::new("muster question");
    parts.text(system).text(user).number(tokens.into());
    for number in [temperature, top_p] {
        // No temperature is of this bit pattern: it is not a number.
        parts.number(number.map_or(u64::MAX, f64::to_bits));
    }
    parts.digest()
}

// === impl List ===

impl List {
    /// Packs rows into as many bundles as they need, each with its rows' number, in order.
    ///
    /// # Errors
    /// If one row alone is larger than a bundle's file.
    pub fn pack(rows: &[Row]) -> Result<Vec<(Bundle, u32)>, ListError> {
        let mut packer = Packer::default();
        for row in rows {
            packer.add(&row.line())?;
        }
        packer.finish()
    }

    /// Reads the rows of a plan's bundle.
    ///
    /// # Errors
    /// If they can't be read, are not those that their hashes say, or not as many as planned.
    pub fn load(bundle: &Bundle, plan: &ListPlan) -> Result<Self, ListError> {
        let mut rows = Vec::with_capacity(plan.rows.min(ROWS_MAX as u32) as usize);
        for (_, content) in bundle.files() {
            for line in content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let damaged = |what: String| ListError::Row { row: rows.len(), what };
                rows.push(read(line, plan).map_err(damaged)?);
            }
        }
        if rows.len() != plan.rows as usize {
            return Err(ListError::Count { found: rows.len(), planned: plan.rows });
        }
        Ok(Self { rows })
    }

    /// The rows: a row's place is a variant's.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

fn read(line: &[u8], plan: &ListPlan) -> Result<Row, String> {
    let Line { request, system, user } = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let found = plan.request(&system, &user);
    if hex(&found) != request {
        return Err("it is not the one that its hash says".to_owned());
    }
    Ok(Row { system: system.into(), user: user.into(), request: found })
}

fn hex(hash: &Digest) -> String {
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Lines on their way into bundles.
#[derive(Default)]
struct Packer {
    bundles: Vec<(Bundle, u32)>,
    files: BTreeMap<String, Bytes>,
    /// Bytes of `files`, packed.
    packed: usize,
    file: String,
    /// Rows of this bundle.
    rows: u32,
}

// === impl Packer ===

impl Packer {
    fn add(&mut self, line: &str) -> Result<(), ListError> {
        if self.file.len() + line.len() > FILE_BYTES_MAX {
            self.close_file();
        }
        let is_full = self.packed + self.file.len() + line.len() + 2 * PACKING_BYTES > BUNDLE_BYTES_MAX
            || self.files.len() + 1 > FILES_MAX
            || self.rows as usize >= ROWS_MAX;
        if is_full {
            self.close_bundle()?;
        }
        self.file.push_str(line);
        self.rows += 1;
        Ok(())
    }

    fn close_file(&mut self) {
        if !self.file.is_empty() {
            let path = format!("{FOLDER}/{:04}.json", self.files.len());
            let file = std::mem::take(&mut self.file);
            self.packed += file.len() + PACKING_BYTES;
            self.files.insert(path, file.into());
        }
    }

    fn close_bundle(&mut self) -> Result<(), ListError> {
        self.close_file();
        if self.rows > 0 {
            let files = std::mem::take(&mut self.files);
            self.bundles.push((Bundle::new(files)?, std::mem::take(&mut self.rows)));
            self.packed = 0;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<(Bundle, u32)>, ListError> {
        self.close_bundle()?;
        Ok(self.bundles)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(user: &str) -> Row {
        let messages = [Message::System("s".into()), Message::User(user.into())];
        let sampling =
            Sampling { temperature: Some(0.0), top_p: None, max_output_tokens: 9, extra_body: "".into() };
        Row::of(&Call { messages: &messages, tools: &[], sampling: &sampling, seed: 0 }).unwrap()
    }

    fn plan(rows: u32) -> ListPlan {
        ListPlan {
            name: "judge".into(),
            version: "judge-1".into(),
            rows,
            temperature: Some(0.0),
            top_p: None,
            max_output_tokens: 9,
        }
    }

    #[test]
    fn rows_survive_packing_in_their_order_quotes_and_line_breaks_and_all() {
        let rows = [row("b\n\"x\"\u{1b}"), row("a"), row("ü")];
        let bundles = List::pack(&rows).unwrap();
        let [(bundle, 3)] = &bundles[..] else { panic!("one bundle: {}", bundles.len()) };
        let unpacked = Bundle::unpack(&bundle.pack()).unwrap();
        assert_eq!(List::load(&unpacked, &plan(3)).unwrap().rows(), rows);
        assert!(List::load(&unpacked, &plan(2)).is_err());
    }

    #[test]
    fn more_than_a_bundle_holds_is_split_and_nothing_is_lost() {
        let large = "x".repeat(3 << 20);
        let rows: Vec<Row> = (0..23).map(|place| row(&format!("{place}{large}"))).collect();
        let bundles = List::pack(&rows).unwrap();
        let read: Vec<Row> = bundles
            .iter()
            .flat_map(|(bundle, rows)| List::load(bundle, &plan(*rows)).unwrap().rows().to_vec())
            .collect();
        assert!(bundles.len() > 1 && bundles.iter().all(|(bundle, _)| bundle.pack().len() <= 64 << 20));
        assert!(read == rows);
    }

    #[test]
    fn a_row_changed_on_its_way_is_noticed() {
        let bundles = List::pack(&[row("is it 60?")]).unwrap();
        let (path, content) = bundles[0].0.files().next().unwrap();
        let changed = String::from_utf8(content.to_vec()).unwrap().replace("60", "90");
        let changed = Bundle::new([(path.to_owned(), changed.into())].into()).unwrap();
        assert!(matches!(List::load(&changed, &plan(1)), Err(ListError::Row { row: 0, .. })));
        // So is one that would be sampled otherwise.
        let warmer = ListPlan { temperature: Some(1.0), ..plan(1) };
        assert!(List::load(&bundles[0].0, &warmer).is_err());
    }

    #[test]
    fn a_row_that_fits_no_file_is_an_error() {
        assert!(List::pack(&[row(&"x".repeat(5 << 20))]).is_err());
    }
}
