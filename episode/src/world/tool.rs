//! What a tool is: its name, its words for the model, its arguments. The JSON schema that a model sees and the check of
//! what it sends come from the same table.

use serde_json::{Map, Value, json};

use crate::call::ToolSpec;

/// Bytes of one call's arguments. A report of a hundred pages is about 300 KB; more than this is refused unread.
pub(crate) const ARGUMENTS_BYTES_MAX: usize = 1 << 20;
/// Characters of a model's words that an error repeats.
const SHOWN_CHARS_MAX: usize = 80;

/// A tool of a family.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) parameters: &'static [Parameter],
}

/// An argument of a tool. All of them are required and are texts; numbers and truth values are taken as their text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
}

/// A call's arguments, checked against the tool's parameters and in their order.
#[derive(Debug)]
pub(crate) struct Arguments(Vec<String>);

/// What a tool answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// JSON text.
    pub(crate) content: String,
    pub(crate) is_error: bool,
}

// === impl Tool ===

impl Tool {
    pub(crate) fn spec(&self) -> ToolSpec {
        let properties: Map<String, Value> = self
            .parameters
            .iter()
            .map(|it| (it.name.to_owned(), json!({ "type": "string", "description": it.description })))
            .collect();
        let required: Vec<&str> = self.parameters.iter().map(|it| it.name).collect();
        let schema = json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        });
        ToolSpec {
            name: self.name.into(),
            description: self.description.into(),
            parameters: schema.to_string().into(),
        }
    }

    /// Reads what the model wrote as arguments. The error is for the model.
    pub(crate) fn arguments(&self, written: &str) -> Result<Arguments, String> {
        if written.len() > ARGUMENTS_BYTES_MAX {
            return Err(format!(
                "the arguments have {} bytes; at most {ARGUMENTS_BYTES_MAX} are taken",
                written.len()
            ));
        }
        let mut given = object(written)?;
        let mut arguments = Vec::with_capacity(self.parameters.len());
        for parameter in self.parameters {
            let value = given.swap_remove(parameter.name);
            arguments.push(self.argument(parameter, value)?);
        }
        match given.keys().next() {
            Some(unknown) => {
                Err(format!("`{}` has no argument `{}`; {}", self.name, shown(unknown), self.usage()))
            }
            None => Ok(Arguments(arguments)),
        }
    }

    fn argument(&self, parameter: &Parameter, value: Option<Value>) -> Result<String, String> {
        match value {
            Some(Value::String(text)) => Ok(text),
            Some(scalar @ (Value::Bool(_) | Value::Number(_))) => Ok(scalar.to_string()),
            Some(_) => Err(format!("the argument `{}` of `{}` must be text", parameter.name, self.name)),
            None => Err(format!("`{}` needs the argument `{}`; {}", self.name, parameter.name, self.usage())),
        }
    }

    fn usage(&self) -> String {
        let names: Vec<&str> = self.parameters.iter().map(|it| it.name).collect();
        if names.is_empty() { "it takes none".to_owned() } else { format!("it takes {}", names.join(", ")) }
    }
}

/// An object from the model's text. Nothing at all stands for no arguments: several providers send that.
fn object(written: &str) -> Result<Map<String, Value>, String> {
    if written.trim().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(written) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err("the arguments must be a JSON object".to_owned()),
        Err(error) => Err(format!("the arguments are not valid JSON: {error}")),
    }
}

/// A model's word as an error may repeat it: shortened, without control characters.
pub(crate) fn shown(word: &str) -> String {
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut shown: String = word.chars().take(SHOWN_CHARS_MAX).map(clean).collect();
    if word.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

// === impl Arguments ===

impl Arguments {
    /// The argument at the place that its parameter has in the tool's table.
    pub(crate) fn text(&self, index: usize) -> &str {
        self.0.get(index).map_or("", String::as_str)
    }
}

// === impl Answer ===

impl Answer {
    pub(crate) fn done(value: &Value) -> Self {
        Self::text(value.to_string())
    }

    /// From JSON text made before.
    pub(crate) fn text(content: String) -> Self {
        Self { content, is_error: false }
    }

    pub(crate) fn error(what: &str) -> Self {
        Self { content: json!({ "error": what }).to_string(), is_error: true }
    }
}
