//! Which accounts this worker holds keys for, and how a model is reached: from the environment, by Inspect's convention.
//!
//! | model | address | key |
//! |---|---|---|
//! | `openai/NAME` | `OPENAI_BASE_URL`, or OpenAI's own | `OPENAI_API_KEY` |
//! | `openai-api/SERVICE/NAME` | `SERVICE_BASE_URL` | `SERVICE_API_KEY` |
//! | `sim/PLAYER` | the built-in provider's | none |
//!
//! `SERVICE` in a variable's name is upper-cased, with `-` as `_`. So services that differ only in that are one account.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::WorkerError;
use crate::redact::{Redactor, Secret};

/// OpenAI's own address.
const OPENAI_BASE_URL: &str = "https://api.openai.com/v1";

/// The longest model name accepted: it stands in every request, record and table row.
const MAX_MODEL_NAME_BYTES: usize = 256;

/// Where variables are read from: the process, or a test's table.
pub trait Environment {
    /// A variable's value; none if it is not set or not UTF-8.
    fn get(&self, name: &str) -> Option<String>;
    /// The names of all variables that are set, in order.
    fn names(&self) -> Vec<String>;
}

/// The variables of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

/// Who is billed, and for which model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// `openai`, `openai-api/SERVICE` or `sim`.
    pub id: String,
    /// The model by the name that the provider knows it by.
    pub model: String,
}

/// One way to reach a model.
#[derive(Debug, Clone)]
pub struct Route {
    /// The model's full name, as the sweep has it.
    pub name: String,
    /// Whose quota and money it uses.
    pub account: Account,
    /// The address that `/chat/completions` is appended to.
    pub base_url: BaseUrl,
    /// The key; none for the built-in provider.
    pub key: Option<Secret>,
    /// How this provider calls the limit of a call's output.
    pub output_limit_field: OutputLimitField,
}

/// The name of the field that bounds a call's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputLimitField {
    /// `max_tokens`: compatible servers.
    MaxTokens,
    /// `max_completion_tokens`: OpenAI, whose reasoning models refuse the other.
    MaxCompletionTokens,
}

/// A provider's address, checked: http or https, without a user, query or slash at its end.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

/// The accounts that this environment has all variables for, in order. `sim` is in it if a built-in provider runs.
#[must_use]
pub fn accounts(environment: &dyn Environment, simulator: Option<&str>) -> Vec<String> {
    let mut accounts: Vec<String> = environment
        .names()
        .iter()
        .filter_map(|name| name.strip_suffix("_BASE_URL"))
        .filter(|service| !service.is_empty() && is_set(environment, &format!("{service}_BASE_URL")))
        .filter(|service| is_set(environment, &format!("{service}_API_KEY")))
        .map(|service| format!("openai-api/{}", canonical(service)))
        .collect();
    if is_set(environment, "OPENAI_API_KEY") {
        accounts.push("openai".to_owned());
    }
    accounts.extend(simulator.map(|_| "sim".to_owned()));
    accounts.sort();
    accounts.dedup();
    accounts
}

/// How to reach `model` from here. `simulator` is the built-in provider's address, where one runs.
///
/// # Errors
/// Names the exact variable that is missing or wrong, or what is wrong with the model's name.
pub fn route(
    environment: &dyn Environment,
    model: &str,
    simulator: Option<&str>,
) -> Result<Route, WorkerError> {
    let account = Account::of(model)?;
    match account.id.as_str() {
        "sim" => simulated(model, account, simulator),
        "openai" => openai(environment, model, account),
        _ => compatible(environment, model, account),
    }
}

/// A redactor of every key in this environment, used or not: all of `*_API_KEY`.
#[must_use]
pub fn redactor(environment: &dyn Environment) -> Redactor {
    let keys = environment.names().into_iter().filter(|name| name.ends_with("_API_KEY"));
    Redactor::new(keys.filter_map(|name| environment.get(&name)).map(|key| Secret::new(key.trim())))
}

fn simulated(model: &str, account: Account, simulator: Option<&str>) -> Result<Route, WorkerError> {
    let Some(address) = simulator else {
        return Err(WorkerError::NoSimulator { model: model.to_owned() });
    };
    Ok(Route {
        name: model.to_owned(),
        account,
        base_url: BaseUrl::new(address)?,
        key: None,
        output_limit_field: OutputLimitField::MaxTokens,
    })
}

fn openai(environment: &dyn Environment, model: &str, account: Account) -> Result<Route, WorkerError> {
    let address = set(environment, "OPENAI_BASE_URL").unwrap_or_else(|| OPENAI_BASE_URL.to_owned());
    Ok(Route {
        name: model.to_owned(),
        account,
        base_url: BaseUrl::new(&address).map_err(|error| bad("OPENAI_BASE_URL", &error))?,
        key: Some(key(environment, model, "OPENAI_API_KEY".to_owned())?),
        output_limit_field: OutputLimitField::MaxCompletionTokens,
    })
}

fn compatible(environment: &dyn Environment, model: &str, account: Account) -> Result<Route, WorkerError> {
    let service = account.id.strip_prefix("openai-api/").unwrap_or_default();
    let prefix = service.to_ascii_uppercase().replace('-', "_");
    let variable = format!("{prefix}_BASE_URL");
    let address = set(environment, &variable).ok_or_else(|| WorkerError::MissingVariable {
        model: model.to_owned(),
        variable: variable.clone(),
        purpose: "the address of its OpenAI-compatible server, such as http://localhost:8000/v1",
    })?;
    Ok(Route {
        name: model.to_owned(),
        base_url: BaseUrl::new(&address).map_err(|error| bad(&variable, &error))?,
        key: Some(key(environment, model, format!("{prefix}_API_KEY"))?),
        account,
        output_limit_field: OutputLimitField::MaxTokens,
    })
}

fn key(environment: &dyn Environment, model: &str, variable: String) -> Result<Secret, WorkerError> {
    let Some(value) = set(environment, &variable) else {
        let purpose = "the key of its account (any word, where the server wants none)";
        return Err(WorkerError::MissingVariable { model: model.to_owned(), variable, purpose });
    };
    if value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Secret::new(value));
    }
    let problem = "a key has no blanks, line breaks or characters beyond ASCII in it".to_owned();
    Err(WorkerError::BadVariable { variable, problem })
}

fn bad(variable: &str, error: &WorkerError) -> WorkerError {
    WorkerError::BadVariable { variable: variable.to_owned(), problem: error.to_string() }
}

/// A variable's value without blanks around it (keys are pasted with a line break at their end); none if empty.
fn set(environment: &dyn Environment, name: &str) -> Option<String> {
    environment.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

fn is_set(environment: &dyn Environment, name: &str) -> bool {
    set(environment, name).is_some()
}

/// The one spelling of a service's name.
fn canonical(service: &str) -> String {
    service.to_ascii_lowercase().replace('_', "-")
}

// === impl Environment ===

impl Environment for ProcessEnvironment {
    fn get(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
        names.sort();
        names
    }
}

impl Environment for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}

// === impl Account ===

impl Account {
    /// The account that a model's full name belongs to. No environment is asked.
    ///
    /// # Errors
    /// The name is not of a known form.
    pub fn of(model: &str) -> Result<Self, WorkerError> {
        let unnamed = || WorkerError::ModelName { model: model.chars().take(MAX_MODEL_NAME_BYTES).collect() };
        if model.len() > MAX_MODEL_NAME_BYTES || model.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(unnamed());
        }
        let (provider, name) = model.split_once('/').ok_or_else(unnamed)?;
        let (id, name) = match provider {
            "openai" => (provider.to_owned(), name),
            // Its players' names begin so.
            "sim" if !name.is_empty() => (provider.to_owned(), model),
            "openai-api" => {
                let (service, name) = name.split_once('/').ok_or_else(unnamed)?;
                (format!("openai-api/{}", service_name(service).ok_or_else(unnamed)?), name)
            }
            "sim" => return Err(unnamed()),
            _ => {
                let provider = provider.to_owned();
                return Err(WorkerError::UnknownProvider { model: model.to_owned(), provider });
            }
        };
        if name.is_empty() {
            return Err(unnamed());
        }
        Ok(Self { id, model: name.to_owned() })
    }
}

fn service_name(service: &str) -> Option<String> {
    let usable = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (!service.is_empty() && service.bytes().all(usable)).then(|| canonical(service))
}

// === impl BaseUrl ===

impl BaseUrl {
    /// Check an address.
    ///
    /// # Errors
    /// It is none, or holds what does not belong there.
    pub fn new(address: &str) -> Result<Self, WorkerError> {
        let refuse = |shown: &str, problem: &str| {
            Err(WorkerError::BadUrl { url: shown.to_owned(), problem: problem.to_owned() })
        };
        let Ok(url) = reqwest::Url::parse(address.trim()) else {
            return refuse(without_user(address), "write http://HOST:PORT/v1 or https://HOST/v1");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return refuse(
                without_user(address),
                "a user or password does not belong in it: put the key in the API_KEY variable",
            );
        }
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return refuse(url.as_str(), "only http and https are spoken");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refuse(without_user(address), "it has a query or a fragment: give the address up to /v1");
        }
        let plain = url.as_str().trim_end_matches('/');
        if plain.ends_with("/chat/completions") {
            return refuse(plain, "give the address up to /v1, without /chat/completions");
        }
        Ok(Self(plain.to_owned()))
    }

    /// The address, without a slash at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What of a refused address may be shown: its scheme and host, never a user, password or query.
fn without_user(address: &str) -> &str {
    let shown = address.rsplit_once('@').map_or(address, |(_, rest)| rest);
    shown.split_once(['?', '#']).map_or(shown, |(before, _)| before)
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn message(variables: &[(&str, &str)], model: &str) -> String {
        route(&environment(variables), model, None).expect_err("must be refused").to_string()
    }

    #[test]
    fn a_service_takes_its_address_and_key_from_its_own_variables() {
        let variables =
            [("MY_LAB_BASE_URL", "http://localhost:8000/v1/"), ("MY_LAB_API_KEY", " secret-key\n")];
        let route = route(&environment(&variables), "openai-api/my-lab/meta/llama-3", None).expect("route");
        assert_eq!(route.account, Account { id: "openai-api/my-lab".into(), model: "meta/llama-3".into() });
        assert_eq!(route.base_url.as_str(), "http://localhost:8000/v1");
        assert_eq!(route.key.expect("key").expose(), "secret-key");
        assert_eq!(route.output_limit_field, OutputLimitField::MaxTokens);
    }

    #[test]
    fn openai_has_an_address_of_its_own() {
        let route = route(&environment(&[("OPENAI_API_KEY", "k")]), "openai/gpt-5.2", None).expect("route");
        assert_eq!(route.base_url.as_str(), "https://api.openai.com/v1");
        assert_eq!(route.output_limit_field, OutputLimitField::MaxCompletionTokens);
    }

    #[test]
    fn a_missing_variable_is_named_exactly() {
        assert!(message(&[], "openai/gpt-5.2").contains(" OPENAI_API_KEY:"));
        assert!(message(&[], "openai-api/my-lab/x").contains(" MY_LAB_BASE_URL:"));
        let address_only = [("MY_LAB_BASE_URL", "http://localhost/v1"), ("MY_LAB_API_KEY", " ")];
        assert!(message(&address_only, "openai-api/My_Lab/x").contains(" MY_LAB_API_KEY:"));
    }

    #[test]
    fn a_key_with_a_blank_in_it_is_refused_without_being_shown() {
        let message = message(&[("OPENAI_API_KEY", "sk-one sk-two")], "openai/x");
        assert!(message.contains("OPENAI_API_KEY") && !message.contains("sk-one"), "{message}");
    }

    #[test]
    fn an_address_with_a_password_is_refused_without_showing_it() {
        let error = BaseUrl::new("https://me:hunter2@example.org/v1").expect_err("must be refused");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        let error = BaseUrl::new("https://me:hunter2@exa mple.org/v1").expect_err("must be refused");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }

    #[test]
    fn addresses_that_cannot_work_are_refused_in_words() {
        for (address, word) in [
            ("localhost:8000", "only http"),
            ("example.org/v1", "write http"),
            ("ftp://example.org/v1", "only http"),
            ("https://example.org/v1?key=abc", "query"),
            ("https://example.org/v1/chat/completions", "without /chat/completions"),
        ] {
            let error = BaseUrl::new(address).expect_err(address).to_string();
            assert!(error.contains(word) && !error.contains("abc"), "{error}");
        }
    }

    #[test]
    fn names_that_are_no_models_are_refused_in_words() {
        let long = format!("openai/{}", "x".repeat(300));
        for model in
            ["gpt", "openai/", "openai-api/lab", "openai-api//x", "openai-api/a.b/x", "openai/a b", &long]
        {
            assert!(message(&[], model).contains("is no model name"), "{model}");
        }
        assert!(message(&[], "nobody/x").contains("\"nobody\" is not known"));
        assert!(message(&[], "sim/obedient").contains("built-in provider"));
    }

    #[test]
    fn a_player_is_called_by_its_full_name_and_needs_no_key() {
        let route = route(&BTreeMap::new(), "sim/mixed?p=0.3", Some("http://127.0.0.1:9/v1")).expect("route");
        assert_eq!(route.account, Account { id: "sim".into(), model: "sim/mixed?p=0.3".into() });
        assert!(route.key.is_none());
    }

    #[test]
    fn accounts_are_those_with_all_their_variables() {
        let environment = environment(&[
            ("A_B_BASE_URL", "http://localhost/v1"),
            ("A_B_API_KEY", "k"),
            ("HALF_BASE_URL", "http://localhost/v1"),
            ("OTHER_API_KEY", "k"),
            ("OPENAI_API_KEY", "k"),
        ]);
        assert_eq!(
            accounts(&environment, Some("http://localhost:1/v1")),
            ["openai", "openai-api/a-b", "sim"]
        );
        assert_eq!(accounts(&BTreeMap::new(), None), Vec::<String>::new());
    }

    #[test]
    fn every_key_of_the_environment_is_struck_out_even_unused_ones() {
        let redactor =
            redactor(&environment(&[("UNUSED_API_KEY", "sk-0123456789\n"), ("HOME", "/home/someone")]));
        assert_eq!(redactor.text("sk-0123456789 /home/someone"), "[redacted] /home/someone");
    }
}
