//! Templates and conditions of a suite: one minijinja environment, strict about what is not defined and bounded in what
//! a template may spend. A fault is traced back to the file and the place that a person wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value};

use crate::mistake::{Mistakes, Source, did_you_mean};
use crate::sweep::Placed;

/// What one rendering may spend: about so many instructions, or 64 bytes of text each (see minijinja's `set_fuel`). A
/// policy document of 10 KB takes some hundred; a loop without end is over after 1 ms.
const FUEL: u64 = 100_000;
/// Bytes of one rendered text.
pub(crate) const RENDERED_BYTES_MAX: usize = 256 << 10;

/// The templates of a suite.
pub(crate) struct Templates {
    environment: Environment<'static>,
    origins: BTreeMap<Arc<str>, Origin>,
    files: Arc<BTreeMap<Arc<str>, Arc<str>>>,
    /// Files that were loaded, directly or by an include.
    loaded: Arc<Mutex<BTreeSet<Arc<str>>>>,
}

/// A template of the suite, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Arc<str>);

/// An expression of the suite that holds or does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition(Template);

/// Where a template that is written inside another file stands.
#[derive(Debug)]
struct Origin {
    source: Source,
    /// Where its text begins in the file.
    start: usize,
    /// Its bytes there, unless it is written with escapes.
    length: Option<usize>,
    /// Bytes that were put before the text.
    prefix: usize,
}

/// A template that failed: where, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) source: Source,
    pub(crate) span: Range<usize>,
    pub(crate) what: String,
    /// Whether it is about a name that is not defined.
    undefined: bool,
}

const CONDITION_BEFORE: &str = "{{ 1 if (";
const CONDITION_AFTER: &str = ") else 0 }}";

// === impl Templates ===

impl Templates {
    /// Over the text files of a suite, by path.
    pub(crate) fn new(files: BTreeMap<Arc<str>, Arc<str>>) -> Self {
        let files = Arc::new(files);
        let loaded = Arc::new(Mutex::new(BTreeSet::new()));
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_syntax(syntax());
        environment.set_fuel(Some(FUEL));
        environment.set_debug(true);
        environment.set_path_join_callback(|name, parent| resolve(name, parent).into());
        environment.set_loader({
            let (files, loaded) = (Arc::clone(&files), Arc::clone(&loaded));
            move |name| Ok(load(name, &files, &loaded))
        });
        Self { environment, origins: BTreeMap::new(), files, loaded }
    }

    /// A template that is a file. None if there is no such file.
    pub(crate) fn file(&self, path: &str) -> Option<Result<Template, Fault>> {
        let (name, _) = self.files.get_key_value(path)?;
        let compiled = self.environment.get_template(name).map(|_| Template(name.clone()));
        Some(compiled.map_err(|error| self.fault(&error, name)))
    }

    /// A template that is a text in another file.
    pub(crate) fn inline(&mut self, source: &Source, text: &Placed<String>) -> Result<Template, Fault> {
        self.add(source, text, "", "")
    }

    /// An expression that is a text in another file.
    pub(crate) fn condition(&mut self, source: &Source, text: &Placed<String>) -> Result<Condition, Fault> {
        self.add(source, text, CONDITION_BEFORE, CONDITION_AFTER).map(Condition)
    }

    fn add(
        &mut self,
        source: &Source,
        text: &Placed<String>,
        before: &str,
        after: &str,
    ) -> Result<Template, Fault> {
        let name: Arc<str> = format!("{}#{}", source.name, text.at.start).into();
        let verbatim = source.text[text.at.clone()].find(text.value.as_str());
        let (start, length) = (text.at.start + verbatim.unwrap_or(0), verbatim.map(|_| text.value.len()));
        let origin = Origin { source: source.clone(), start, length, prefix: before.len() };
        self.origins.insert(name.clone(), origin);
        let text = [before, &text.value, after].concat();
        match self.environment.add_template_owned(name.to_string(), text) {
            Ok(()) => Ok(Template(name)),
            Err(error) => Err(self.fault(&error, &name)),
        }
    }

    pub(crate) fn render(&self, template: &Template, context: &Value) -> Result<String, Fault> {
        let fault = |error: &minijinja::Error| self.fault(error, &template.0);
        let compiled = self.environment.get_template(&template.0).map_err(|error| fault(&error))?;
        let rendered = compiled.render(context.clone()).map_err(|error| fault(&error))?;
        if rendered.len() > RENDERED_BYTES_MAX {
            let what =
                format!("this comes to {} bytes; at most {RENDERED_BYTES_MAX} are allowed", rendered.len());
            return Err(Fault { undefined: false, what, ..self.place(&template.0, None) });
        }
        Ok(rendered)
    }

    pub(crate) fn holds(&self, condition: &Condition, context: &Value) -> Result<bool, Fault> {
        Ok(self.render(&condition.0, context)? == "1")
    }

    /// The names, dotted, that a template takes from its context.
    pub(crate) fn names(&self, template: &Template) -> BTreeSet<String> {
        let template = self.environment.get_template(&template.0);
        template.map(|it| it.undeclared_variables(true).into_iter().collect()).unwrap_or_default()
    }

    /// Every file that was loaded so far, directly or by an include.
    pub(crate) fn loaded(&self) -> BTreeSet<Arc<str>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The text of a file.
    pub(crate) fn source(&self, path: &str) -> Option<Source> {
        let (name, text) = self.files.get_key_value(path)?;
        Some(Source { name: name.clone(), text: text.clone() })
    }

    /// The whole place of a template, for mistakes about it as such.
    pub(crate) fn whole(&self, template: &Template, what: impl Into<String>) -> Fault {
        Fault { what: what.into(), ..self.place(&template.0, None) }
    }

    /// The place of `word` in a template, for mistakes about it.
    pub(crate) fn word(&self, template: &Template, word: &str, what: impl Into<String>) -> Fault {
        let fault = self.place(&template.0, None);
        let text = &fault.source.text[fault.span.clone()];
        let span = whole_word(text, word).map_or(fault.span.clone(), |at| {
            let start = fault.span.start + at;
            start..start + word.len()
        });
        Fault { span, what: what.into(), undefined: true, ..fault }
    }

    fn fault(&self, error: &minijinja::Error, name: &str) -> Fault {
        let error = innermost(error);
        let fault = self.place(error.name().unwrap_or(name), Some(error));
        let what = match (error.kind(), error.detail()) {
            (ErrorKind::UndefinedError, _) => {
                let word = fault.source.text.get(fault.span.clone()).unwrap_or_default();
                format!("`{}` is not defined", word.lines().next().unwrap_or_default())
            }
            (kind, Some(detail)) => format!("{kind}: {detail}"),
            (kind, None) => kind.to_string(),
        };
        Fault { what, undefined: error.kind() == ErrorKind::UndefinedError, ..fault }
    }

    /// Where in the author's files a place in a template is. Without an error: all of it.
    fn place(&self, name: &str, error: Option<&minijinja::Error>) -> Fault {
        let origin = self.origins.get(name);
        let source = origin
            .map(|origin| origin.source.clone())
            .or_else(|| self.source(name))
            .unwrap_or_else(|| Source::new(name, ""));
        let (start, prefix) = origin.map_or((0, 0), |origin| (origin.start, origin.prefix));
        let end = source.text.len();
        let moved = |at: usize| (start + at.saturating_sub(prefix)).min(end);
        let span = match error.map(|error| (error.range(), error.line())) {
            Some((Some(range), _)) => moved(range.start)..moved(range.end),
            Some((None, Some(line))) => line_at(&source.text[start.min(end)..], line, start),
            _ if origin.is_some() => {
                let length = origin.and_then(|origin| origin.length);
                start..start + length.unwrap_or_else(|| quoted_length(&source.text[start..]))
            }
            _ => 0..end,
        };
        Fault { source, span, what: String::new(), undefined: false }
    }
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Templates").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

fn syntax() -> SyntaxConfig {
    // Lines that hold a tag alone vanish; documents keep their own newlines.
    // Only delimiters can be invalid, and these are the default ones.
    SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().unwrap_or_default()
}

fn load(
    name: &str,
    files: &BTreeMap<Arc<str>, Arc<str>>,
    loaded: &Mutex<BTreeSet<Arc<str>>>,
) -> Option<String> {
    let (path, text) = files.get_key_value(name)?;
    loaded.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone());
    Some(text.to_string())
}

/// A path as written in `parent`: from the suite's folder if it begins with `/`, else from the folder of `parent`.
pub(crate) fn resolve(path: &str, parent: &str) -> String {
    if let Some(from_root) = path.strip_prefix('/') {
        return from_root.to_owned();
    }
    match parent.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{path}"),
        None => path.to_owned(),
    }
}

/// The error at the bottom: an include's error says only that an include failed.
fn innermost(error: &minijinja::Error) -> &minijinja::Error {
    let mut bottom = error;
    while let Some(source) =
        std::error::Error::source(bottom).and_then(|it| it.downcast_ref::<minijinja::Error>())
    {
        bottom = source;
    }
    bottom
}

/// Where `word` stands in a text, not as a part of another word; else where it is a part of one.
fn whole_word(text: &str, word: &str) -> Option<usize> {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    let whole = text
        .match_indices(word)
        .find(|(at, _)| !text[..*at].ends_with(in_word) && !text[at + word.len()..].starts_with(in_word));
    whole.map(|(at, _)| at).or_else(|| text.find(word))
}

/// The bytes of a line, counted from 1, of a text that begins at `start`.
fn line_at(text: &str, line: usize, start: usize) -> Range<usize> {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let length = text[before.min(text.len())..].lines().next().map_or(0, str::len);
    start + before..start + before + length
}

/// Bytes to the end of the quoted text that begins here; an estimate good enough to underline.
fn quoted_length(text: &str) -> usize {
    text.find(['"', '\'', '\n']).unwrap_or(text.len())
}

// === impl Condition ===

impl Condition {
    pub(crate) fn template(&self) -> &Template {
        &self.0
    }
}

// === impl Fault ===

impl Fault {
    pub(crate) fn at(source: Source, span: Range<usize>, what: impl Into<String>) -> Self {
        Self { source, span, what: what.into(), undefined: false }
    }

    /// Line of the fault in its file, from 1.
    pub(crate) fn line(&self) -> usize {
        self.source.text.get(..self.span.start).unwrap_or_default().matches('\n').count() + 1
    }

    /// Notes the fault; `names` are those that are defined where the template is rendered.
    pub(crate) fn note(self, mistakes: &mut Mistakes, names: &[String]) {
        if !self.undefined {
            mistakes.add(&self.source, self.span.clone(), self.what);
            return;
        }
        let text = self.source.text.get(self.span.clone()).unwrap_or_default();
        let Some(unknown) = roots(text).find(|root| !names.iter().any(|name| name == &text[root.clone()]))
        else {
            let help = "what it is taken from is defined, but has nothing of this name";
            mistakes.add_with_help(&self.source, self.span.clone(), self.what, help);
            return;
        };
        let word = &text[unknown.clone()];
        let near = did_you_mean(word, names.iter().map(String::as_str));
        let help = near.map_or_else(
            || format!("defined are {}", names.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        let span = self.span.start + unknown.start..self.span.start + unknown.end;
        mistakes.add_with_help(&self.source, span, format!("`{word}` is not defined"), help);
    }
}

/// The names in an expression that are looked up in the context: neither attributes, nor keywords, nor quoted.
fn roots(expression: &str) -> impl Iterator<Item = Range<usize>> {
    const KEYWORDS: [&str; 10] = ["if", "else", "and", "or", "not", "in", "is", "true", "false", "none"];
    let mut roots = Vec::new();
    let (mut quote, mut start) = (None, None);
    for (at, c) in expression.char_indices().chain([(expression.len(), ' ')]) {
        let in_name = quote.is_none() && (c.is_alphanumeric() || c == '_');
        match start {
            None if in_name => start = Some(at),
            Some(begun) if !in_name => {
                let is_attribute = expression[..begun].ends_with('.');
                let is_name = !expression[begun..].starts_with(|c: char| c.is_ascii_digit());
                if is_name && !is_attribute && !KEYWORDS.contains(&&expression[begun..at]) {
                    roots.push(begun..at);
                }
                start = None;
            }
            _ => {}
        }
        match quote {
            Some(open) if open == c => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            _ => {}
        }
    }
    roots.into_iter()
}
