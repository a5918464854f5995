//! What is checked before the first job starts: that every model of a sweep can be called from here, that its provider
//! answers, and that it takes the key. Whoever finds out after an hour has lost an hour.

use std::collections::BTreeMap;
use std::time::Duration;

use muster_episode::{Call, Message, ModelPlan, Sampling, SweepPlan};
use muster_worker::{
    Caller, CallerConfig, ClassLimits, Conversation, ErrorClass, Http, HttpConfig, Probe, ProcessEnvironment,
    RetryLimits, Route, Settings, Terms, WorkerError, redactor,
};

use tokio_util::sync::CancellationToken;

use crate::arguments::CallArguments;
use crate::failure::Failure;
use crate::progress::note;
use crate::terminal;

/// A provider must answer the question for its models within this time.
const PROBE_DEADLINE: Duration = Duration::from_secs(20);

/// A provider that can't be reached is asked again so often: one lost packet must not stop a sweep.
const PROBES: u32 = 3;

/// Between two such questions.
const PROBE_PAUSE: Duration = Duration::from_millis(500);

/// Output tokens that a test question may cost: the least that every provider takes.
const QUESTION_TOKENS: u32 = 16;

/// A test question must be answered within this time: a model that thinks first may take a minute.
const ANSWER_DEADLINE: Duration = Duration::from_secs(90);

/// Stands for the built-in provider's address before it has one.
const NOT_YET: &str = "http://127.0.0.1:9/v1";

/// How providers are called from here, as the flags say. Where they say nothing, the sweep counts.
pub(crate) fn settings(calls: &CallArguments) -> Settings {
    Settings { max_connections: calls.max_connections, rpm: calls.rpm, ..Settings::default() }
}

/// How HTTP is spoken from here.
pub(crate) fn http(calls: &CallArguments) -> HttpConfig {
    HttpConfig { ca_file: calls.ca_file.clone(), ..HttpConfig::default() }
}

/// Checks that every model can be called, and asks each provider once.
pub(crate) async fn check(plan: &SweepPlan, settings: &Settings, http: HttpConfig) -> Result<(), Failure> {
    let routes = routes(plan.models(), settings)?;
    let http = Http::new(http);
    let mut by_address: BTreeMap<(String, String), Vec<Route>> = BTreeMap::new();
    for route in routes.into_iter().filter(|route| route.account.id != "sim") {
        by_address.entry((route.account.id.clone(), route.base_url.to_string())).or_default().push(route);
    }
    let mut refused = Vec::new();
    for ((_, address), routes) in by_address {
        if let Err(why) = ask(&http, &routes).await {
            refused.push(format!("{} at {address}: {}", names(&routes), reason(&why, &routes)));
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(Failure::Providers(refused)) }
}

/// How each model is reached; all that can't be are named at once.
pub(crate) fn routes(models: &[ModelPlan], settings: &Settings) -> Result<Vec<Route>, Failure> {
    let mut settings = settings.clone();
    // The built-in provider is started later, where a model needs it.
    settings.simulator.get_or_insert_with(|| NOT_YET.to_owned());
    let (routes, errors): (Vec<_>, Vec<_>) =
        models.iter().map(|model| settings.route(model)).partition(Result::is_ok);
    let errors: Vec<WorkerError> = errors.into_iter().filter_map(Result::err).collect();
    if errors.is_empty() { Ok(routes.into_iter().flatten().collect()) } else { Err(Failure::Models(errors)) }
}

/// Asks a provider for its models: the first route stands for all at its address.
async fn ask(http: &Http, routes: &[Route]) -> Result<(), String> {
    let Some(first) = routes.first() else { return Ok(()) };
    match probe(http, first).await? {
        Probe::NotListed(listed) => {
            for route in routes.iter().filter(|route| !listed.contains(&route.account.model)) {
                note(&format!(
                    "note: {} does not list {}; it is tried all the same",
                    first.base_url, route.account.model
                ));
            }
        }
        Probe::Listed | Probe::NoList => {}
    }
    Ok(())
}

/// Asks one provider for its models.
pub(crate) async fn probe(http: &Http, route: &Route) -> Result<Probe, String> {
    let config = CallerConfig { redactor: redactor(&ProcessEnvironment), ..CallerConfig::default() };
    let caller = Caller::new(http, route.clone(), config).map_err(|error| error.to_string())?;
    let mut left = PROBES;
    loop {
        left -= 1;
        let answered = tokio::time::timeout(PROBE_DEADLINE, caller.probe()).await;
        let why = match answered {
            Ok(Ok(probe)) => return Ok(probe),
            // It is there, and busy: that is no reason not to begin.
            Ok(Err(error)) if matches!(error.class, ErrorClass::RateLimited | ErrorClass::Overloaded) => {
                return Ok(Probe::NoList);
            }
            Ok(Err(error)) if error.class != ErrorClass::Transient => return Err(error.message),
            Ok(Err(error)) => error.message,
            Err(_) => format!("no answer within {} s", PROBE_DEADLINE.as_secs()),
        };
        if left == 0 {
            return Err(why);
        }
        tokio::time::sleep(PROBE_PAUSE).await;
    }
}

/// What a model did with one short question.
#[derive(Debug)]
pub(crate) enum Called {
    /// It answered, after so many milliseconds.
    Answered(u64),
    /// It is there and takes the key, but refuses the question.
    Refused(String),
}

/// Asks a model one short question, once. It costs a few tokens.
pub(crate) async fn call_once(http: &Http, route: &Route) -> Result<Called, String> {
    let config = CallerConfig { redactor: redactor(&ProcessEnvironment), ..CallerConfig::default() };
    let caller = Caller::new(http, route.clone(), config).map_err(|error| error.to_string())?;
    let messages = [Message::User("Reply with one word: ready".into())];
    let max_output_tokens = QUESTION_TOKENS;
    let sampling = Sampling { temperature: None, top_p: None, max_output_tokens, extra_body: "".into() };
    let call = Call { messages: &messages, tools: &[], sampling: &sampling, seed: 0 };
    let (mut conversation, cancel) = (Conversation::default(), CancellationToken::new());
    let terms = Terms { limits: &once(), cancel: &cancel, give_up: &cancel, errand: None };
    match caller.call_within(&terms, &mut conversation, &call).await {
        Ok(answered) => Ok(Called::Answered(answered.meter.latency_ms)),
        Err(error) if error.class == ErrorClass::BadRequest => Ok(Called::Refused(error.message)),
        Err(error) => Err(error.message),
    }
}

/// No second try, and no longer than a user waits.
fn once() -> RetryLimits {
    let limits = RetryLimits::default();
    let once = |class: ClassLimits| ClassLimits { max_tries: 1, ..class };
    RetryLimits {
        transient: once(limits.transient),
        rate_limited: once(limits.rate_limited),
        overloaded: once(limits.overloaded),
        deadline: Some(ANSWER_DEADLINE),
    }
}

/// What went wrong, without the model's name before it: that stands there already.
pub(crate) fn reason(why: &str, routes: &[Route]) -> String {
    let named = routes.first().and_then(|first| why.strip_prefix(first.name.as_str()));
    let bare = named.and_then(|rest| rest.strip_prefix(": ")).unwrap_or(why);
    terminal::one_line(bare, 400)
}

fn names(routes: &[Route]) -> String {
    routes.iter().map(|route| route.name.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use muster_episode::ModelName;
    use muster_worker::SharedEnvironment;

    use super::*;

    fn model(name: &str) -> ModelPlan {
        ModelPlan::of(&ModelName::parse(name).expect("a name"))
    }

    fn settings_with(variables: &[(&str, &str)]) -> Settings {
        let variables: BTreeMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings { environment: SharedEnvironment(Arc::new(variables)), ..Settings::default() }
    }

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let models = [model("openai/gpt-5.2"), model("openai-api/my-lab/x"), model("sim/obedient")];
        let failure = routes(&models, &settings_with(&[])).expect_err("a failure").to_string();
        assert!(failure.contains("OPENAI_API_KEY") && failure.contains("MY_LAB_BASE_URL"), "{failure}");
        assert!(!failure.contains("sim/obedient"), "{failure}");
    }

    #[test]
    fn every_model_of_the_catalog_has_a_route_once_its_key_is_set() {
        let providers =
            ["OPENAI", "ANTHROPIC", "GOOGLE", "ZAI", "MOONSHOT", "DEEPSEEK", "TOGETHER", "OPENROUTER"];
        let keys = providers.map(|provider| format!("{provider}_API_KEY"));
        let settings = settings_with(&keys.each_ref().map(|name| (name.as_str(), "any-word")));
        let catalog = muster_episode::Catalog::built_in();
        let known = |name: &str| ModelPlan::known(&ModelName::parse(name).expect("a name"), &catalog);
        let models: Vec<ModelPlan> = catalog.iter().map(|model| known(&model.name)).collect();
        let routes = routes(&models, &settings).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(routes.len(), models.len());
    }

    #[test]
    fn the_built_in_provider_needs_no_address_beforehand() {
        assert!(routes(&[model("sim/obedient")], &settings_with(&[])).is_ok());
    }
}
