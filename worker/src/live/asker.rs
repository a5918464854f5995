//! Asks one small question at a time, without a second try, and keeps all that came back.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Method};
use muster_episode::{Call, Message, Reply, Sampling, ToolSpec};

use super::LIVE_CALLS_MAX;
use crate::account::Route;
use crate::caller::{Caller, CallerConfig, Probe, one_line};
use crate::classify::{ErrorClass, Judgement, classify, classify_inside};
use crate::error::{CallError, WorkerError};
use crate::headers::RateHeaders;
use crate::http::{Endpoint, Http, Patience};
use crate::providers::{self, AnswerError, Conversation, Dialect, DialectKind, Quirks};
use crate::redact::{Redactor, Secret};

/// Output of a question at most: the least that leaves room for a budget of thoughts.
const OUTPUT_TOKENS: u32 = 2_048;

/// A question must be answered within this time: a model that thinks first may take a minute or two.
const DEADLINE: Duration = Duration::from_secs(180);

/// No provider's key, and no provider's model.
const NO_KEY: &str = "muster-checks-that-this-is-refused";

/// What is asked.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) text: &'static str,
    pub(super) temperature: Option<f64>,
    pub(super) top_p: Option<f64>,
    pub(super) seed: bool,
    pub(super) output: u32,
    pub(super) tools: bool,
    pub(super) extra: &'static str,
}

/// Asks one route's model.
pub(super) struct Asker {
    http: Http,
    route: Route,
    redactor: Redactor,
    dialect: Arc<dyn Dialect>,
    endpoint: Endpoint,
    calls: u32,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    outcome: Result<Reply, (ErrorClass, String)>,
}

// === impl Question ===

impl Question {
    pub(super) fn plain() -> Self {
        Self {
            text: "Reply with one word: ready",
            temperature: None,
            top_p: None,
            seed: false,
            output: OUTPUT_TOKENS,
            tools: false,
            extra: "",
        }
    }

    pub(super) fn with_tools() -> Self {
        Self { text: "List the files with the tool, then name them.", tools: true, ..Self::plain() }
    }
}

// === impl Asker ===

impl Asker {
    pub(super) fn new(http: &Http, route: &Route, redactor: &Redactor) -> Result<Self, WorkerError> {
        let dialect = providers::dialect(route.dialect.clone());
        let endpoint = http.endpoint(route, dialect.path(), dialect.headers())?;
        let (http, route, redactor) = (http.clone(), route.clone(), redactor.clone());
        Ok(Self { http, route, redactor, dialect, endpoint, calls: 0 })
    }

    pub(super) fn with_a_wrong_key(&self) -> Result<Self, WorkerError> {
        let route = Route { key: Some(Secret::new(NO_KEY)), ..self.route.clone() };
        Self::new(&self.http, &route, &self.redactor)
    }

    pub(super) fn with_an_unknown_model(&self) -> Result<Self, WorkerError> {
        let mut route = self.route.clone();
        // OpenRouter's and Together's names have two parts, and are refused for that before they are looked up.
        NO_KEY.clone_into(&mut route.dialect.model);
        Self::new(&self.http, &route, &self.redactor)
    }

    pub(super) fn has_key(&self) -> bool {
        self.route.key.is_some()
    }

    pub(super) fn kind(&self) -> DialectKind {
        self.route.dialect.kind
    }

    pub(super) fn rate_headers(&self) -> RateHeaders {
        self.route.rate_headers
    }

    pub(super) fn clean(&self, text: &str) -> String {
        one_line(&self.redactor.text(text))
    }

    pub(super) async fn probe(&self) -> Result<Probe, CallError> {
        let config = CallerConfig { redactor: self.redactor.clone(), ..CallerConfig::default() };
        // The route was good enough for this asker, so it is for a caller.
        match Caller::new(&self.http, self.route.clone(), config) {
            Ok(caller) => caller.probe().await,
            Err(_) => Ok(Probe::NoList),
        }
    }

    /// The body that would be sent.
    pub(super) fn body(&self, question: &Question) -> Result<Bytes, String> {
        self.encode(question, &[Message::User(question.text.into())])
    }

    pub(super) async fn ask(&mut self, question: &Question) -> Heard {
        self.say(question, &[Message::User(question.text.into())]).await
    }

    /// Goes on in a conversation.
    pub(super) async fn say(&mut self, question: &Question, messages: &[Message]) -> Heard {
        self.calls += 1;
        if self.calls > LIVE_CALLS_MAX {
            return Heard::failed(ErrorClass::Cancelled, format!("more than {LIVE_CALLS_MAX} calls"));
        }
        let body = match self.encode(question, messages) {
            Ok(body) => body,
            Err(problem) => return Heard::failed(ErrorClass::BadRequest, problem),
        };
        let patience = Patience { silence: DEADLINE, total: DEADLINE };
        match self.http.send(Method::POST, &self.endpoint, body, patience).await {
            Ok(answer) => {
                let outcome = if answer.status.is_success() {
                    self.read(&answer.body, &answer.headers)
                } else {
                    let status = answer.status.as_u16();
                    self.judged(classify(status, &answer.headers, &answer.body, SystemTime::now()))
                };
                Heard { headers: answer.headers, body: answer.body, outcome }
            }
            Err(error) => Heard::failed(ErrorClass::Transient, error.message),
        }
    }

    fn encode(&self, question: &Question, messages: &[Message]) -> Result<Bytes, String> {
        let Question { temperature, top_p, output, extra, .. } = *question;
        let sampling = Sampling { temperature, top_p, max_output_tokens: output, extra_body: extra.into() };
        let tools = if question.tools { vec![tool()] } else { Vec::new() };
        let call = Call { messages, tools: &tools, sampling: &sampling, seed: 7 };
        let encode = |dialect: &dyn Dialect| dialect.encode(&mut Conversation::default(), &call);
        let body = if question.seed {
            encode(&*self.dialect)
        } else {
            let quirks = Quirks { no_seed: true, ..self.route.dialect.quirks.clone() };
            encode(&*providers::dialect(providers::DialectConfig { quirks, ..self.route.dialect.clone() }))
        };
        body.map_err(|error| error.to_string())
    }

    fn read(&self, body: &[u8], headers: &HeaderMap) -> Result<Reply, (ErrorClass, String)> {
        self.dialect.decode(body).or_else(|error| match error {
            AnswerError::Error(inside) => self.judged(classify_inside(&inside, headers, SystemTime::now())),
            lost => Err((ErrorClass::Transient, lost.to_string())),
        })
    }

    fn judged(&self, judgement: Judgement) -> Result<Reply, (ErrorClass, String)> {
        match judgement {
            Judgement::Declined { message } => Err((ErrorClass::Transient, message)),
            Judgement::Failed(verdict) => Err((verdict.class, verdict.message)),
        }
    }
}

fn tool() -> ToolSpec {
    ToolSpec {
        name: "list_files".into(),
        description: "Lists the files of a folder.".into(),
        parameters: r#"{"type":"object","properties":{"folder":{"type":"string"}},"required":[]}"#.into(),
    }
}

// === impl Heard ===

impl Heard {
    fn failed(class: ErrorClass, message: String) -> Self {
        Self { headers: HeaderMap::new(), body: Bytes::new(), outcome: Err((class, message)) }
    }

    pub(super) fn reply(&self) -> Option<&Reply> {
        self.outcome.as_ref().ok()
    }

    /// How it failed; none if it did not.
    pub(super) fn class(&self) -> Option<ErrorClass> {
        self.outcome.as_ref().err().map(|(class, _)| *class)
    }

    pub(super) fn evidence(&self) -> String {
        match &self.outcome {
            Err((_, message)) => message.clone(),
            Ok(reply) => format!(
                "answered by {:?}, stop {:?}, {} tool calls, {} tokens in, {} out",
                reply.served_model,
                reply.stop,
                reply.tool_calls.len(),
                reply.tokens.input,
                reply.tokens.output
            ),
        }
    }
}
