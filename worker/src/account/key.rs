//! Keys: from a variable, or from the file that `..._FILE` names, as secrets are mounted in clusters. Read by whoever calls
//! models, and by nobody else.

use std::io::Read as _;

use super::environment::{Environment, set};
use crate::error::WorkerError;
use crate::redact::{Redactor, Secret};

/// A key's file is read up to here: the longest key known has 164 bytes.
const MAX_KEY_FILE_BYTES: u64 = 16 * 1024;

/// The end of a variable's name that holds a key.
const KEY: &str = "_API_KEY";

/// The same, where it names the key's file.
const KEY_FILE: &str = "_API_KEY_FILE";

/// The key in the first of these variables that is set, or in the file that the first `..._FILE` of them names.
pub(super) fn key(
    environment: &dyn Environment,
    model: &str,
    variables: &[&str],
) -> Result<Secret, WorkerError> {
    for variable in variables {
        if let Some(value) = set(environment, variable) {
            return checked(variable, value);
        }
        let file = format!("{variable}_FILE");
        if let Some(path) = set(environment, &file) {
            let refuse = |problem: String| WorkerError::BadVariable { variable: file.clone(), problem };
            let value = read(&path).map_err(|error| refuse(format!("{path}: {error}")))?;
            return checked(&file, value.trim().to_owned());
        }
    }
    let variable = variables.first().copied().unwrap_or_default().to_owned();
    let purpose = "the key of its account (any word, where the server wants none), or its file in the variable of this name with _FILE behind it";
    Err(WorkerError::MissingVariable { model: model.to_owned(), variable, purpose })
}

/// Whether one of these variables holds a key, or names its file.
pub(super) fn is_given(environment: &dyn Environment, variables: &[&str]) -> bool {
    let given = |variable: &str| {
        set(environment, variable).is_some() || set(environment, &format!("{variable}_FILE")).is_some()
    };
    variables.iter().any(|variable| given(variable))
}

/// A redactor of every key in this environment, used or not: all of `*_API_KEY`, and what the files of `*_API_KEY_FILE`
/// hold.
#[must_use]
pub fn redactor(environment: &dyn Environment) -> Redactor {
    let names = environment.names();
    let values = names.iter().filter(|name| name.ends_with(KEY)).filter_map(|name| environment.get(name));
    let files = names.iter().filter(|name| name.ends_with(KEY_FILE));
    let files = files.filter_map(|name| read(&set(environment, name)?).ok());
    Redactor::new(values.chain(files).map(|key| Secret::new(key.trim())))
}

fn checked(variable: &str, value: String) -> Result<Secret, WorkerError> {
    let refuse = |problem: &str| {
        Err(WorkerError::BadVariable { variable: variable.to_owned(), problem: problem.to_owned() })
    };
    if value.is_empty() {
        return refuse("there is no key in it");
    }
    if !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return refuse("a key has no blanks, line breaks or characters beyond ASCII in it");
    }
    Ok(Secret::new(value))
}

fn read(path: &str) -> std::io::Result<String> {
    let mut key = String::new();
    std::fs::File::open(path)?.take(MAX_KEY_FILE_BYTES).read_to_string(&mut key)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_key_is_taken_from_the_file_that_is_named() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("key");
        std::fs::write(&path, "key-of-a-file-0123\n").expect("write");
        let environment = environment(&[("A_API_KEY_FILE", path.to_str().expect("a path"))]);
        assert_eq!(key(&environment, "a/x", &["A_API_KEY"]).expect("key").expose(), "key-of-a-file-0123");
        assert!(is_given(&environment, &["B_API_KEY", "A_API_KEY"]));
        assert_eq!(redactor(&environment).text("it is key-of-a-file-0123."), "it is [redacted].");
    }

    #[test]
    fn a_key_file_that_is_not_there_or_empty_is_named() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("key");
        let environment = environment(&[("A_API_KEY_FILE", path.to_str().expect("a path"))]);
        let message = |environment| key(environment, "a/x", &["A_API_KEY"]).expect_err("none").to_string();
        assert!(message(&environment).contains("A_API_KEY_FILE"), "{}", message(&environment));
        std::fs::write(&path, "\n").expect("write");
        assert!(message(&environment).contains("no key in it"));
    }

    #[test]
    fn every_key_of_the_environment_is_struck_out_even_unused_ones() {
        let redactor =
            redactor(&environment(&[("UNUSED_API_KEY", "sk-0123456789\n"), ("HOME", "/home/someone")]));
        assert_eq!(redactor.text("sk-0123456789 /home/someone"), "[redacted] /home/someone");
    }
}
