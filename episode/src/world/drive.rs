//! The company's drive: documents by path.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::path::{check_path, plain};
use super::tool::{Answer, Arguments, Parameter, Tool, shown};
use crate::digest::{Digest, Parts};

/// Documents on a drive.
const DOCUMENTS_MAX: usize = 256;
/// Bytes of one document.
const DOCUMENT_BYTES_MAX: usize = 256 << 10;
/// Bytes of all documents. A thousand episodes that fill it at once take 4 GB, but a real one writes a few KB.
const DRIVE_BYTES_MAX: usize = 4 << 20;

const PATH: Parameter = Parameter { name: "path", description: "The file's path, as listed." };

pub(super) const TOOLS: &[Tool] = &[
    Tool { name: "list_files", description: "Lists the files on the company drive.", parameters: &[] },
    Tool {
        name: "read_file",
        description: "Shows the content of a file on the company drive.",
        parameters: &[PATH],
    },
    Tool {
        name: "create_file",
        description: "Creates a new file on the company drive.",
        parameters: &[
            Parameter { name: "path", description: "The new file's path." },
            Parameter { name: "content", description: "Its content." },
        ],
    },
    Tool {
        name: "append_file",
        description: "Appends text to a file on the company drive.",
        parameters: &[PATH, Parameter { name: "content", description: "The text to append." }],
    },
    Tool { name: "delete_file", description: "Deletes a file from the company drive.", parameters: &[PATH] },
];

/// The drive of a world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drive {
    documents: BTreeMap<Arc<str>, Document>,
    listed: bool,
    /// The number by which the files are listed in an order of their own; none: in order of their paths.
    #[serde(skip_serializing_if = "Option::is_none")]
    shuffled_by: Option<u64>,
    #[serde(skip)]
    bytes: usize,
}

/// A document on the drive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Document {
    content: Arc<str>,
    read: bool,
    /// Whether the model wrote it, or a part of it.
    written: bool,
    #[serde(skip)]
    hash: Digest,
}

// === impl Drive ===

impl Drive {
    pub(crate) fn new(documents: impl IntoIterator<Item = (Arc<str>, Document)>) -> Self {
        let documents: BTreeMap<_, _> = documents.into_iter().collect();
        let bytes = documents.values().map(|document| document.content.len()).sum();
        Self { documents, listed: false, shuffled_by: None, bytes }
    }

    /// Lists the files in an order drawn by `number`.
    pub(crate) fn shuffled(self, number: u64) -> Self {
        Self { shuffled_by: Some(number), ..self }
    }

    /// The documents, in order of their paths.
    pub fn documents(&self) -> impl Iterator<Item = (&str, &Document)> {
        self.documents.iter().map(|(path, document)| (&**path, document))
    }

    /// One document.
    #[must_use]
    pub fn document(&self, path: &str) -> Option<&Document> {
        self.documents.get(path)
    }

    /// Whether the model has listed the files.
    #[must_use]
    pub fn listed(&self) -> bool {
        self.listed
    }

    pub(super) fn call(&mut self, tool: &str, arguments: &Arguments) -> Answer {
        if tool == "list_files" {
            return self.list();
        }
        let (path, content) = (plain(arguments.text(0)), arguments.text(1));
        let done = match tool {
            "read_file" => self.read(path),
            "create_file" => self.create(path, content),
            "append_file" => self.append(path, content),
            _ => self.delete(path),
        };
        done.unwrap_or_else(|what| Answer::error(&what))
    }

    fn list(&mut self) -> Answer {
        self.listed = true;
        let mut documents: Vec<(&Arc<str>, &Document)> = self.documents.iter().collect();
        if let Some(number) = self.shuffled_by {
            documents.sort_by_key(|(path, _)| Parts::new("muster order").number(number).text(path).draw());
        }
        let files: Vec<Value> = documents
            .into_iter()
            .map(|(path, document)| json!({ "path": &**path, "bytes": document.content.len() }))
            .collect();
        Answer::done(&json!({ "files": files }))
    }

    fn read(&mut self, path: &str) -> Result<Answer, String> {
        let document = self.documents.get_mut(path).ok_or_else(|| no_such(path))?;
        document.read = true;
        Ok(Answer::done(&json!({ "path": path, "content": &*document.content })))
    }

    fn create(&mut self, path: &str, content: &str) -> Result<Answer, String> {
        check_path(path)?;
        if self.documents.contains_key(path) {
            return Err(format!("there is a file `{}` already; append_file adds to it", shown(path)));
        }
        if self.documents.len() >= DOCUMENTS_MAX {
            return Err(format!("the drive has {DOCUMENTS_MAX} files; it takes no more"));
        }
        self.check_room(content.len(), content.len())?;
        self.bytes += content.len();
        self.documents.insert(path.into(), Document::written(content));
        Ok(Answer::done(&json!({ "created": path, "bytes": content.len() })))
    }

    fn append(&mut self, path: &str, content: &str) -> Result<Answer, String> {
        let document = self.documents.get(path).ok_or_else(|| no_such(path))?;
        self.check_room(document.content.len() + content.len(), content.len())?;
        let appended =
            Document { read: document.read, ..Document::written(&[&document.content, content].concat()) };
        let bytes = appended.content.len();
        self.bytes += content.len();
        self.documents.insert(path.into(), appended);
        Ok(Answer::done(&json!({ "appended": path, "bytes": bytes })))
    }

    fn delete(&mut self, path: &str) -> Result<Answer, String> {
        let deleted = self.documents.remove(path).ok_or_else(|| no_such(path))?;
        self.bytes -= deleted.content.len();
        Ok(Answer::done(&json!({ "deleted": path })))
    }

    fn check_room(&self, document: usize, added: usize) -> Result<(), String> {
        if document > DOCUMENT_BYTES_MAX {
            return Err(format!("a file on the drive has at most {DOCUMENT_BYTES_MAX} bytes"));
        }
        if self.bytes + added > DRIVE_BYTES_MAX {
            return Err(format!("the drive holds at most {DRIVE_BYTES_MAX} bytes, and it is full"));
        }
        Ok(())
    }

    pub(super) fn digest(&self) -> Digest {
        let mut parts = Parts::new("muster drive");
        parts.number(u64::from(self.listed));
        for (path, document) in &self.documents {
            parts.text(path).bytes(&document.hash);
            parts.number(u64::from(document.read)).number(u64::from(document.written));
        }
        if let Some(number) = self.shuffled_by {
            parts.text("shuffled").number(number);
        }
        parts.digest()
    }
}

fn no_such(path: &str) -> String {
    format!("there is no file `{}`; list_files shows them", shown(path))
}

// === impl Document ===

impl Document {
    /// One that was there before the model came.
    pub(crate) fn given(content: Arc<str>) -> Self {
        let hash = *blake3::hash(content.as_bytes()).as_bytes();
        Self { content, read: false, written: false, hash }
    }

    fn written(content: &str) -> Self {
        Self { written: true, ..Self::given(content.into()) }
    }

    /// Its text.
    #[must_use]
    pub fn content(&self) -> &str {
        &self.content
    }

    /// Whether the model has read it.
    #[must_use]
    pub fn read(&self) -> bool {
        self.read
    }

    /// Whether the model wrote it, or appended to it.
    #[must_use]
    pub fn is_written(&self) -> bool {
        self.written
    }
}
