//! Which accounts this worker holds keys for, and how a model is reached: from the environment, by Inspect's convention.
//!
//! | model | address | key |
//! |---|---|---|
//! | `openai/NAME`, `anthropic/NAME`, ... | the provider's own, or its variable's | the variables in `provider` |
//! | `azure/DEPLOYMENT` | `AZURE_OPENAI_ENDPOINT` and its like | `AZURE_OPENAI_API_KEY` and its like |
//! | `openai-api/SERVICE/NAME` | `SERVICE_BASE_URL` | `SERVICE_API_KEY` |
//! | `sim/PLAYER` | the built-in provider's | none |
//!
//! `SERVICE` in a variable's name is upper-cased, with `-` as `_`. So services that differ only in that are one account.
//! Every `X_API_KEY` may be `X_API_KEY_FILE` instead, a file that holds the key.

mod address;
mod environment;
mod key;
mod provider;

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use muster_episode::{MODEL_NAME_BYTES_MAX, ModelPlan};

pub use address::BaseUrl;
pub use environment::{Environment, ProcessEnvironment};
pub use key::redactor;
pub use provider::Auth;

use environment::{first, set};
use provider::{PROVIDERS, Provider, VERSIONS};

use crate::error::WorkerError;
use crate::headers::RateHeaders;
use crate::providers::{ChatProfile, DialectConfig, DialectKind, Quirks};
use crate::redact::Secret;

/// What OpenAI's SDK takes from the environment into headers.
const OPENAI_HEADERS: [(&str, HeaderName); 2] = [
    ("OPENAI_ORG_ID", HeaderName::from_static("openai-organization")),
    ("OPENAI_PROJECT_ID", HeaderName::from_static("openai-project")),
];

/// Who is billed, and for which model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// A provider's name, `openai-api/SERVICE` or `sim`.
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
    /// The address that a call's path is appended to.
    pub base_url: BaseUrl,
    /// The key; none for the built-in provider.
    pub key: Option<Secret>,
    /// How the key is shown.
    pub auth: Auth,
    /// What is spoken.
    pub dialect: DialectConfig,
    /// Whose headers of limits its answers carry.
    pub rate_headers: RateHeaders,
    /// What every request carries besides.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// The accounts that this environment has all variables for, in order. `sim` is in it if a built-in provider runs.
#[must_use]
pub fn accounts(environment: &dyn Environment, simulator: Option<&str>) -> Vec<String> {
    let services = environment.names();
    let services = services
        .iter()
        .filter_map(|name| name.strip_suffix("_BASE_URL"))
        .filter(|service| !service.is_empty() && set(environment, &format!("{service}_BASE_URL")).is_some())
        .filter(|service| key::is_given(environment, &[&format!("{service}_API_KEY")]))
        .map(|service| format!("openai-api/{}", canonical(service)));
    let is_complete = |provider: &&Provider| {
        let placed = provider.address.is_some() || first(environment, provider.addresses).is_some();
        placed && key::is_given(environment, provider.keys)
    };
    let providers = PROVIDERS.iter().filter(is_complete).map(|provider| provider.id.to_owned());
    let mut accounts: Vec<String> =
        services.chain(providers).chain(simulator.map(|_| "sim".to_owned())).collect();
    accounts.sort();
    accounts.dedup();
    accounts
}

/// How to reach `model` from here, if nothing is said of it but its name. `simulator` is the built-in provider's address,
/// where one runs.
///
/// # Errors
/// Names the exact variable that is missing or wrong, or what is wrong with the model's name.
pub fn route(
    environment: &dyn Environment,
    model: &str,
    simulator: Option<&str>,
) -> Result<Route, WorkerError> {
    Wanted { name: model, base_url: None, dialect: None, quirks: &[] }.route(environment, simulator)
}

/// How to reach a plan's model from here: what the plan says of its address, dialect and quirks goes before all else.
///
/// # Errors
/// As [`route`]; or the dialect, a quirk or the address is none that is known.
pub fn route_of(
    environment: &dyn Environment,
    model: &ModelPlan,
    simulator: Option<&str>,
) -> Result<Route, WorkerError> {
    let (base_url, dialect) = (model.base_url.as_deref(), model.dialect.as_deref());
    Wanted { name: &model.name, base_url, dialect, quirks: &model.quirks }.route(environment, simulator)
}

/// A model, and what is said of it.
struct Wanted<'a> {
    name: &'a str,
    base_url: Option<&'a str>,
    dialect: Option<&'a str>,
    quirks: &'a [Arc<str>],
}

// === impl Wanted ===

impl Wanted<'_> {
    fn route(&self, environment: &dyn Environment, simulator: Option<&str>) -> Result<Route, WorkerError> {
        let account = Account::of(self.name)?;
        match provider::named(&account.id) {
            Some(provider) => self.provided(environment, account, provider),
            None if account.id == "sim" => self.simulated(account, simulator),
            None => self.compatible(environment, account),
        }
    }

    fn provided(
        &self,
        environment: &dyn Environment,
        account: Account,
        provider: &Provider,
    ) -> Result<Route, WorkerError> {
        let base_url = self.address(environment, provider)?.ending_in(provider.version, VERSIONS);
        let headers = if provider.id == "openai" { openai_headers(environment)? } else { Vec::new() };
        Ok(Route {
            base_url,
            key: Some(key::key(environment, self.name, provider.keys)?),
            auth: provider.auth,
            rate_headers: provider.rate_headers,
            headers,
            ..self.spoken(account, provider.dialect, provider.profile)?
        })
    }

    fn address(&self, environment: &dyn Environment, provider: &Provider) -> Result<BaseUrl, WorkerError> {
        if let Some(address) = self.base_url {
            return BaseUrl::new(address);
        }
        if let Some((variable, address)) = first(environment, provider.addresses) {
            return BaseUrl::new(&address).map_err(|error| bad(variable, &error));
        }
        let Some(address) = provider.address else {
            let variable = provider.addresses.last().copied().unwrap_or_default();
            let purpose = "the address of your resource, such as https://RESOURCE.openai.azure.com";
            return Err(self.missing(variable, purpose));
        };
        BaseUrl::new(address)
    }

    fn simulated(&self, account: Account, simulator: Option<&str>) -> Result<Route, WorkerError> {
        let Some(address) = self.base_url.or(simulator) else {
            return Err(WorkerError::NoSimulator { model: self.name.to_owned() });
        };
        let route = self.spoken(account, DialectKind::OpenAiChat, ChatProfile::Compatible)?;
        Ok(Route { base_url: BaseUrl::new(address)?, ..route })
    }

    fn compatible(&self, environment: &dyn Environment, account: Account) -> Result<Route, WorkerError> {
        let service = account.id.strip_prefix("openai-api/").unwrap_or_default();
        let prefix = service.to_ascii_uppercase().replace('-', "_");
        let variable = format!("{prefix}_BASE_URL");
        let base_url = match (self.base_url, set(environment, &variable)) {
            (Some(address), _) => BaseUrl::new(address)?,
            (None, Some(address)) => BaseUrl::new(&address).map_err(|error| bad(&variable, &error))?,
            (None, None) => {
                let purpose = "the address of its OpenAI-compatible server, such as http://localhost:8000/v1";
                return Err(self.missing(&variable, purpose));
            }
        };
        let key = Some(key::key(environment, self.name, &[&format!("{prefix}_API_KEY")])?);
        Ok(Route { base_url, key, ..self.spoken(account, DialectKind::OpenAiChat, ChatProfile::Compatible)? })
    }

    /// A route with its dialect, whose address and key are still open.
    fn spoken(
        &self,
        account: Account,
        usual: DialectKind,
        profile: ChatProfile,
    ) -> Result<Route, WorkerError> {
        let refuse = |problem: String| WorkerError::BadRoute { model: self.name.to_owned(), problem };
        let kind = match self.dialect {
            Some(name) => name.parse().map_err(|error| refuse(format!("{error}")))?,
            None => usual,
        };
        let quirks = Quirks::parse(self.quirks).map_err(refuse)?;
        let dialect = DialectConfig { kind, profile, model: account.model.clone(), quirks };
        Ok(Route {
            name: self.name.to_owned(),
            account,
            base_url: BaseUrl::nowhere(),
            key: None,
            auth: provider::auth_of(kind),
            dialect,
            rate_headers: RateHeaders::None,
            headers: Vec::new(),
        })
    }

    fn missing(&self, variable: &str, purpose: &'static str) -> WorkerError {
        WorkerError::MissingVariable { model: self.name.to_owned(), variable: variable.to_owned(), purpose }
    }
}

fn openai_headers(environment: &dyn Environment) -> Result<Vec<(HeaderName, HeaderValue)>, WorkerError> {
    let given = OPENAI_HEADERS.into_iter().filter_map(|(variable, name)| {
        let value = set(environment, variable)?;
        let problem = "it has characters that no header can carry".to_owned();
        let refuse = |_| WorkerError::BadVariable { variable: variable.to_owned(), problem };
        Some(HeaderValue::from_str(&value).map_err(refuse).map(|value| (name, value)))
    });
    given.collect()
}

fn bad(variable: &str, error: &WorkerError) -> WorkerError {
    WorkerError::BadVariable { variable: variable.to_owned(), problem: error.to_string() }
}

/// The one spelling of a service's name.
fn canonical(service: &str) -> String {
    service.to_ascii_lowercase().replace('_', "-")
}

// === impl Account ===

impl Account {
    /// The account that a model's full name belongs to. No environment is asked.
    ///
    /// # Errors
    /// The name is not of a known form.
    pub fn of(model: &str) -> Result<Self, WorkerError> {
        let unnamed = || WorkerError::ModelName { model: model.chars().take(MODEL_NAME_BYTES_MAX).collect() };
        if model.len() > MODEL_NAME_BYTES_MAX || model.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(unnamed());
        }
        let (provider, name) = model.split_once('/').ok_or_else(unnamed)?;
        let (id, name) = match provider {
            // Its players' names begin so.
            "sim" if !name.is_empty() => (provider.to_owned(), model),
            "sim" => return Err(unnamed()),
            "openai-api" => {
                let (service, name) = name.split_once('/').ok_or_else(unnamed)?;
                (format!("openai-api/{}", service_name(service).ok_or_else(unnamed)?), name)
            }
            // It has no models of its own.
            "openrouter" if !name.contains('/') => return Err(unnamed()),
            _ if provider::named(provider).is_some() => (provider.to_owned(), name),
            _ => {
                let (provider, known) = (provider.to_owned(), provider::known());
                return Err(WorkerError::UnknownProvider { model: model.to_owned(), provider, known });
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use muster_episode::ModelName;

    use super::*;

    fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn reached(variables: &[(&str, &str)], model: &str) -> Route {
        route(&environment(variables), model, None).expect(model)
    }

    fn message(variables: &[(&str, &str)], model: &str) -> String {
        route(&environment(variables), model, None).expect_err("must be refused").to_string()
    }

    #[test]
    fn every_provider_has_its_own_address_dialect_and_way_with_its_key() {
        use DialectKind::{AnthropicMessages, Gemini, OpenAiChat, OpenAiResponses};
        for (model, variable, address, dialect, auth, asked) in [
            (
                "openai/gpt-5.2",
                "OPENAI_API_KEY",
                "https://api.openai.com/v1",
                OpenAiResponses,
                Auth::Bearer,
                "gpt-5.2",
            ),
            (
                "anthropic/claude-haiku-4-5",
                "ANTHROPIC_API_KEY",
                "https://api.anthropic.com/v1",
                AnthropicMessages,
                Auth::XApiKey,
                "claude-haiku-4-5",
            ),
            (
                "google/gemini-3-flash",
                "GEMINI_API_KEY",
                "https://generativelanguage.googleapis.com/v1beta",
                Gemini,
                Auth::XGoogApiKey,
                "gemini-3-flash",
            ),
            (
                "google/gemini-3-flash",
                "GOOGLE_API_KEY",
                "https://generativelanguage.googleapis.com/v1beta",
                Gemini,
                Auth::XGoogApiKey,
                "gemini-3-flash",
            ),
            (
                "zai/glm-4.7",
                "ZAI_API_KEY",
                "https://api.z.ai/api/paas/v4",
                OpenAiChat,
                Auth::Bearer,
                "glm-4.7",
            ),
            (
                "moonshot/kimi-k2.6",
                "MOONSHOT_API_KEY",
                "https://api.moonshot.ai/v1",
                OpenAiChat,
                Auth::Bearer,
                "kimi-k2.6",
            ),
            (
                "deepseek/deepseek-v4-pro",
                "DEEPSEEK_API_KEY",
                "https://api.deepseek.com/v1",
                OpenAiChat,
                Auth::Bearer,
                "deepseek-v4-pro",
            ),
            (
                "together/zai-org/GLM-5",
                "TOGETHER_API_KEY",
                "https://api.together.xyz/v1",
                OpenAiChat,
                Auth::Bearer,
                "zai-org/GLM-5",
            ),
            (
                "openrouter/z-ai/glm-4.7",
                "OPENROUTER_API_KEY",
                "https://openrouter.ai/api/v1",
                OpenAiChat,
                Auth::Bearer,
                "z-ai/glm-4.7",
            ),
        ] {
            let route = reached(&[(variable, "k")], model);
            assert_eq!(
                (route.base_url.as_str(), route.dialect.kind, route.auth),
                (address, dialect, auth),
                "{model}"
            );
            assert_eq!((&*route.account.model, &*route.dialect.model), (asked, asked));
            assert!(accounts(&environment(&[(variable, "k")]), None).contains(&route.account.id));
            let name = ModelName::parse(model).expect("a name");
            assert_eq!(
                (name.account(), name.request_name()),
                (&*route.account.id, asked),
                "as the coordinator has it"
            );
        }
    }

    #[test]
    fn azure_is_reached_at_the_resource_that_is_named_by_any_of_its_variables() {
        for (variable, address) in [
            ("AZURE_OPENAI_ENDPOINT", "https://lab.openai.azure.com/"),
            ("AZURE_OPENAI_BASE_URL", "https://lab.openai.azure.com/openai/v1/"),
            ("AZUREAI_OPENAI_BASE_URL", "https://lab.openai.azure.com"),
        ] {
            let route = reached(&[(variable, address), ("AZURE_OPENAI_API_KEY", "k")], "azure/my-deployment");
            assert_eq!(route.base_url.as_str(), "https://lab.openai.azure.com/openai/v1");
            assert_eq!((route.auth, &*route.account.model), (Auth::ApiKey, "my-deployment"));
        }
        assert!(message(&[("AZURE_OPENAI_API_KEY", "k")], "azure/x").contains(" AZURE_OPENAI_ENDPOINT:"));
        assert_eq!(accounts(&environment(&[("AZURE_OPENAI_API_KEY", "k")]), None), Vec::<String>::new());
    }

    #[test]
    fn an_address_of_the_environment_or_the_plan_takes_the_providers_place() {
        let variables = [("ANTHROPIC_API_KEY", "k"), ("ANTHROPIC_BASE_URL", "http://localhost:9")];
        assert_eq!(reached(&variables, "anthropic/x").base_url.as_str(), "http://localhost:9/v1");
        let plan = ModelPlan { base_url: Some("http://localhost:8/v1".into()), ..plan("anthropic/x") };
        let route = route_of(&environment(&variables), &plan, None).expect("route");
        assert_eq!(route.base_url.as_str(), "http://localhost:8/v1");
    }

    fn plan(model: &str) -> ModelPlan {
        ModelPlan::of(&ModelName::parse(model).expect("a name"))
    }

    #[test]
    fn the_plans_dialect_and_quirks_are_spoken_and_unknown_ones_refused() {
        let environment = environment(&[("OPENAI_API_KEY", "k")]);
        let chat = ModelPlan {
            dialect: Some("openai-chat".into()),
            quirks: vec!["no-seed".into()],
            ..plan("openai/gpt-5.2")
        };
        let route = route_of(&environment, &chat, None).expect("route");
        assert_eq!(
            (route.dialect.kind, route.dialect.profile),
            (DialectKind::OpenAiChat, ChatProfile::OpenAi)
        );
        assert!(route.dialect.quirks.no_seed);
        for wrong in [
            ModelPlan { dialect: Some("klingon".into()), ..chat.clone() },
            ModelPlan { quirks: vec!["klingon".into()], ..chat },
        ] {
            let error = route_of(&environment, &wrong, None).expect_err("unknown").to_string();
            assert!(error.contains("openai/gpt-5.2") && error.contains("\"klingon\""), "{error}");
        }
    }

    #[test]
    fn openais_organisation_and_project_come_from_the_environment() {
        let variables =
            [("OPENAI_API_KEY", "k"), ("OPENAI_ORG_ID", "org-1"), ("OPENAI_PROJECT_ID", "proj-1")];
        let headers = reached(&variables, "openai/x").headers;
        let shown: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(shown, [("openai-organization", &b"org-1"[..]), ("openai-project", b"proj-1")]);
    }

    #[test]
    fn a_service_takes_its_address_and_key_from_its_own_variables() {
        let variables =
            [("MY_LAB_BASE_URL", "http://localhost:8000/v1/"), ("MY_LAB_API_KEY", " secret-key\n")];
        let route = reached(&variables, "openai-api/my-lab/meta/llama-3");
        assert_eq!(route.account, Account { id: "openai-api/my-lab".into(), model: "meta/llama-3".into() });
        assert_eq!(route.base_url.as_str(), "http://localhost:8000/v1");
        assert_eq!(route.key.expect("key").expose(), "secret-key");
        assert_eq!(route.dialect.kind, DialectKind::OpenAiChat);
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
    fn names_that_are_no_models_are_refused_in_words() {
        let long = format!("openai/{}", "x".repeat(MODEL_NAME_BYTES_MAX));
        let wrong = [
            "gpt",
            "openai/",
            "openai-api/lab",
            "openai-api//x",
            "openai-api/a.b/x",
            "openai/a b",
            "openrouter/x",
            &long,
        ];
        for model in wrong {
            assert!(message(&[], model).contains("is no model name"), "{model}");
        }
        let unknown = message(&[], "nobody/x");
        assert!(unknown.contains("\"nobody\" is not known") && unknown.contains("moonshot"), "{unknown}");
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
            ("ZAI_API_KEY_FILE", "/run/secrets/zai"),
        ]);
        assert_eq!(
            accounts(&environment, Some("http://localhost:1/v1")),
            ["openai", "openai-api/a-b", "sim", "zai"]
        );
        assert_eq!(accounts(&BTreeMap::new(), None), Vec::<String>::new());
    }
}
