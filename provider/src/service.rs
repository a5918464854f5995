//! What is answered to one HTTP request.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use muster_episode::{Action, Conversation, PlayError};
use tokio::time::Instant;

use crate::asked::{Asked, tokens};
use crate::body::Body;
use crate::config::ProviderConfig;
use crate::control::{RefuseNext, SetLimits, faults};
use crate::door::{Door, query};
use crate::fault::{Fault, FaultPlan};
use crate::json::to_bytes;
use crate::ledger::{Ledger, Stats};
use crate::limits::Limits;
use crate::pools::{Admission, Cost, Pools, Refusal, Used};
use crate::profile::{Dialect, Profile};
use crate::rejection::Rejection;
use crate::reply::{Manner, Reply};
use crate::under_way::{LEFT, Settled, Watched};
use crate::{access, chat, gemini, headers, limited, messages, responses, spoiling};

/// The largest request read: a conversation of two million tokens, which no model takes.
const MAX_REQUEST_BYTES: usize = 8 * 1024 * 1024;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Serves requests. Shared by all connections.
#[derive(Debug)]
pub(crate) struct Service {
    config: ProviderConfig,
    /// The players' names, so that models of other names are told from them.
    names: BTreeSet<String>,
    faults: RwLock<FaultPlan>,
    pools: Pools,
    ledger: Ledger,
    started: Instant,
}

/// An answer, or what stands in its place, ready to be sent.
struct Sent {
    response: Response<Body>,
    admission: Admission,
}

// === impl Service ===

impl Service {
    pub(crate) fn new(config: ProviderConfig) -> Self {
        let dynamic = config.profile == Profile::Together;
        let pools = Pools::new(config.limits, config.model_limits.clone(), dynamic);
        Self {
            names: config.players.names().into_iter().collect(),
            faults: RwLock::new(config.faults.clone()),
            pools: if config.one_pool { pools.in_one_pool() } else { pools },
            ledger: Ledger::default(),
            started: Instant::now(),
            config,
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        self.ledger.stats(self.started.elapsed())
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) fn since_start(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.started)
    }

    pub(crate) fn settle(&self, model: &str, cost: Cost, used: Used) {
        self.pools.settle(model, cost, used, self.started.elapsed());
    }

    pub(crate) fn set_limits(&self, model: Option<&str>, limits: Limits) {
        let model = model.map(|model| self.label(model));
        self.pools.set_limits(model.as_deref(), limits, self.started.elapsed());
    }

    pub(crate) fn refuse_next(&self, model: Option<&str>, wait: Duration) {
        let model = model.map(|model| self.label(model));
        self.pools.refuse_next(model.as_deref(), wait);
    }

    pub(crate) fn set_faults(&self, plan: FaultPlan) {
        *self.faults.write().unwrap_or_else(PoisonError::into_inner) = plan;
    }

    /// Answer a request.
    pub(crate) async fn serve(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        let (parts, body) = request.into_parts();
        let uri = parts.uri;
        let door = Door::of(&uri);
        if door == Door::Nowhere {
            let message = format!("Invalid URL ({} {})", parts.method, uri.path());
            let rejection = Rejection::invalid(&message, None, None).with_status(404);
            return Ok(refuse(&rejection, self.config.profile, ""));
        }
        if parts.method.as_str() != door.method() {
            return Ok(not_allowed(door.method()));
        }
        Ok(match door {
            Door::Call { dialect, hinted, model } => {
                let profile = self.config.profile.of(dialect, hinted);
                self.call((dialect, profile, model.as_deref()), &parts.headers, &uri, body).await
            }
            Door::Models(dialect) => self.models(dialect, &parts.headers, &uri),
            Door::Stats => ok(to_bytes(&self.stats())),
            Door::Seconds => ok(self.ledger.seconds(self.asked_model(&uri).as_deref()).into()),
            Door::Calls => ok(self.ledger.calls(self.asked_model(&uri).as_deref(), since(&uri)).into()),
            Door::Health | Door::Nowhere => ok(Bytes::from_static(b"{\"status\":\"ok\"}\n")),
            Door::SetLimits | Door::RefuseNext | Door::SetFaults => self.control(&door, body).await,
        })
    }

    async fn control(&self, door: &Door<'_>, body: Incoming) -> Response<Body> {
        let changed = match read(body).await {
            Err(rejection) => Err(rejection.message.into_string()),
            Ok(body) => match door {
                Door::SetLimits => {
                    SetLimits::read(&body).map(|set| self.set_limits(set.model.as_deref(), set.limits))
                }
                Door::RefuseNext => {
                    RefuseNext::read(&body).map(|next| self.refuse_next(next.model.as_deref(), next.wait()))
                }
                _ => faults(&body).map(|plan| self.set_faults(plan)),
            },
        };
        match changed {
            Ok(()) => ok(Bytes::from_static(b"{\"status\":\"ok\"}\n")),
            Err(problem) => refuse(&Rejection::words(problem), Profile::Compatible, ""),
        }
    }

    fn asked_model(&self, uri: &Uri) -> Option<String> {
        query(uri, "model").map(|model| self.label(&model))
    }

    fn models(&self, dialect: Dialect, headers: &HeaderMap, uri: &Uri) -> Response<Body> {
        // Anthropic's list is at OpenAI's address: whose it is, the caller's headers say.
        let dialect = if headers.contains_key("anthropic-version") { Dialect::Messages } else { dialect };
        let profile = self.config.profile.of(dialect, None);
        if let Err(rejection) = access::check(self.config.key.as_ref(), profile, headers, uri) {
            return refuse(&rejection, profile, "");
        }
        let names = accepted(self.config.players.names());
        ok(match dialect {
            Dialect::Messages => messages::answer::models(&names),
            Dialect::Gemini => gemini::answer::models(&names),
            Dialect::Chat | Dialect::Responses => chat::answer::models(&names),
        })
    }

    async fn call(
        &self,
        (dialect, profile, model): (Dialect, Profile, Option<&str>),
        headers: &HeaderMap,
        uri: &Uri,
        body: Incoming,
    ) -> Response<Body> {
        let number = self.ledger.request();
        let mut watched = Watched {
            service: self,
            number,
            id: headers::request_id(profile, number),
            arrived: Instant::now(),
            profile,
            dialect,
            model: String::new(),
            status: LEFT,
            settled: None,
        };
        let mut response = match self.answer(&mut watched, headers, uri, model, body).await {
            Ok(Sent { mut response, admission }) => {
                headers::quotas(response.headers_mut(), profile, &admission);
                response
            }
            Err(rejection) => refuse(&rejection, profile, &watched.id),
        };
        watched.status = response.status().as_u16();
        if watched.status >= 400 {
            self.ledger.status(watched.status);
        }
        headers::sign(response.headers_mut(), profile, &watched.id, watched.arrived.elapsed());
        response
    }

    async fn answer(
        &self,
        watched: &mut Watched<'_>,
        headers: &HeaderMap,
        uri: &Uri,
        model: Option<&str>,
        body: Incoming,
    ) -> Result<Sent, Rejection> {
        let (dialect, profile) = (watched.dialect, watched.profile);
        access::check(self.config.key.as_ref(), profile, headers, uri)?;
        let body = read(body).await?;
        let asked = self.read(watched, headers, model, &body)?;
        let label = self.label(&asked.model);
        watched.model.clone_from(&label);
        self.exists(profile, &asked.model)?;
        let fault = self.draw(watched.number);
        if let Some(fault) = fault.filter(|fault| fault.comes_before_an_answer()) {
            self.ledger.fault(fault);
            self.wait(watched.arrived).await;
            return self.instead(fault, watched).await;
        }
        let hash = asked.hash(&label);
        let cost = self.cost(profile, &asked, hash, body.len());
        let (admission, _seat) = self.pools.admit(&label, cost, self.started.elapsed());
        if let Some(refusal) = admission.refused {
            let rejection = too_many(profile, refusal, &label, cost, &admission);
            return Ok(Sent { response: refuse(&rejection, profile, &watched.id), admission });
        }
        let action = self.play(&asked, (&label, profile), fault)?;
        let manner = Manner {
            dialect,
            profile,
            always_think: self.config.always_think,
            plan: self.config.tokens,
            declined: fault == Some(Fault::Refusal),
        };
        let reply = Reply::new(&asked, &label, &action, (hash, watched.number), &manner);
        let whole = match dialect {
            Dialect::Chat => chat::answer::completion(&reply),
            Dialect::Responses => responses::answer::response(&reply),
            Dialect::Messages => messages::answer::message(&reply),
            Dialect::Gemini => gemini::answer::content(&reply),
        };
        // Counted before anyone waits for it: whoever leaves now has caused it all the same.
        self.count(watched, &reply, cost, fault);
        self.wait(watched.arrived).await;
        let mut response = Response::new(spoiling::deliver(whole, fault, &self.config));
        response.headers_mut().insert(CONTENT_TYPE, spoiling::content_type(fault));
        Ok(Sent { response, admission })
    }

    fn read<'a>(
        &self,
        watched: &Watched<'_>,
        headers: &HeaderMap,
        model: Option<&'a str>,
        body: &'a [u8],
    ) -> Result<Asked<'a>, Rejection> {
        let mut asked = match watched.dialect {
            Dialect::Chat => chat::request::read(body, watched.profile, self.config.always_think)?,
            Dialect::Responses => responses::request::read(body)?,
            Dialect::Messages => messages::request::read(body, headers)?,
            Dialect::Gemini => gemini::request::read(body, model.unwrap_or_default())?,
        };
        if let Some(deployment) = model {
            asked.model = deployment.into();
        }
        Ok(asked)
    }

    /// The name that a model is counted under: a player's in full, and any other as it is.
    fn label(&self, model: &str) -> String {
        if model.starts_with("sim/") {
            return model.to_owned();
        }
        let full = format!("sim/{model}");
        let player = full.split_once('?').map_or(full.as_str(), |(player, _)| player);
        if self.config.stand_in.is_some() && !self.names.contains(player) { model.to_owned() } else { full }
    }

    fn exists(&self, profile: Profile, model: &str) -> Result<(), Rejection> {
        if !self.config.retired.contains(model) {
            return Ok(());
        }
        let unknown = || not_found(profile, model, "");
        Err(Fault::Retired.rejection(profile).map_or_else(unknown, |row| Rejection {
            message: row.message.replace("retired", model).into(),
            ..row
        }))
    }

    fn draw(&self, number: u64) -> Option<Fault> {
        self.faults.read().unwrap_or_else(PoisonError::into_inner).draw(self.config.seed, number)
    }

    /// What the provider holds against its limits before the call.
    fn cost(&self, profile: Profile, asked: &Asked<'_>, hash: u64, body_bytes: usize) -> Cost {
        let (estimate, max) = (asked.input_tokens(), asked.max_tokens.unwrap_or(0));
        let counted = self.config.tokens.input.map_or(estimate, |span| span.draw(hash));
        let tokens_held = match profile {
            Profile::Gemini => counted,
            Profile::Moonshot => counted.saturating_add(max),
            _ => estimate.max(max),
        };
        Cost {
            tokens: tokens_held,
            input: if self.config.tokens.input.is_some() { counted } else { tokens(body_bytes) },
        }
    }

    fn play(
        &self,
        asked: &Asked<'_>,
        (label, profile): (&str, Profile),
        fault: Option<Fault>,
    ) -> Result<Action, Rejection> {
        let said = asked.said();
        let tools: Vec<&str> = asked.tools.iter().map(AsRef::as_ref).collect();
        let player =
            if label.starts_with("sim/") { label } else { self.config.stand_in.as_deref().unwrap_or(label) };
        let conversation = Conversation {
            model: player,
            seed: asked.seed,
            messages: &said,
            tools: &tools,
            words: self.config.words,
        };
        let action = self
            .config
            .players
            .play(&conversation)
            .map_err(|error| self.unplayable(asked, label, profile, &error))?;
        Ok(spoiling::action(action, fault, &tools))
    }

    fn unplayable(&self, asked: &Asked<'_>, label: &str, profile: Profile, error: &PlayError) -> Rejection {
        match error {
            PlayError::BadName(_) | PlayError::UnknownPlayer { .. } | PlayError::UnknownOdds { .. } => {
                let players = self.config.players.names().join(", ");
                let name = if profile.names_models_in_full() { label } else { &asked.model };
                not_found(profile, name, &format!(" {error}. The players here: {players}."))
            }
            PlayError::UnknownConversation => {
                Rejection::invalid(&error.to_string(), Some("messages"), Some("unknown_conversation"))
            }
            PlayError::Script { .. } => {
                Rejection::invalid(&error.to_string(), Some("messages"), Some("player_script"))
            }
        }
    }

    fn count(&self, watched: &mut Watched<'_>, reply: &Reply<'_>, cost: Cost, fault: Option<Fault>) {
        let usage = &reply.usage;
        let pico_dollars = self.config.price.pico_dollars(usage.input, usage.cached, usage.output);
        let used = Used { input: usage.input - usage.cached, output: usage.output, pico_dollars };
        let settled =
            Settled { hash: reply.hash, cost, used, input_tokens: usage.input, cached_tokens: usage.cached };
        self.ledger.served(&settled.served(&watched.model), fault);
        watched.settled = Some(settled);
    }

    async fn wait(&self, arrived: Instant) {
        if !self.config.latency.is_zero() {
            tokio::time::sleep_until(arrived + self.config.latency).await;
        }
    }

    /// What comes in an answer's place.
    async fn instead(&self, fault: Fault, watched: &Watched<'_>) -> Result<Sent, Rejection> {
        if let Some(rejection) = fault.rejection(watched.profile) {
            return Err(rejection);
        }
        if fault == Fault::Hang {
            std::future::pending::<()>().await;
        }
        let error =
            Rejection::new(200, "server_error", "The server had an error while processing your request.")
                .with_code("server_error");
        let body = match (watched.dialect, fault) {
            (Dialect::Responses, _) => responses::answer::failed(&watched.model, watched.number, &error),
            (Dialect::Chat, Fault::ErrorInChoice) => {
                chat::answer::failed_choice(&watched.model, watched.number)
            }
            (Dialect::Chat, _) => {
                let status = if watched.profile == Profile::OpenRouter { 502 } else { 200 };
                error.with_status(status).body(watched.profile, "")
            }
            _ => error.with_status(500).body(watched.profile, &watched.id),
        };
        Ok(Sent { response: ok(body), admission: Admission::default() })
    }
}

/// The names that a request may use: in full, and as a service's prefix leaves them (`openai-api/fake/obedient`).
fn accepted(names: Vec<String>) -> Vec<String> {
    let short: Vec<String> =
        names.iter().filter_map(|name| name.strip_prefix("sim/")).map(str::to_owned).collect();
    names.into_iter().chain(short).collect()
}

/// `?since_ms=5000`.
fn since(uri: &Uri) -> Duration {
    let ms = query(uri, "since_ms").and_then(|ms| ms.parse().ok()).unwrap_or(0);
    Duration::from_millis(ms)
}

async fn read(body: Incoming) -> Result<Bytes, Rejection> {
    match Limited::new(body, MAX_REQUEST_BYTES).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("Request body larger than {} MiB.", MAX_REQUEST_BYTES / (1024 * 1024));
            Err(Rejection::invalid(&message, None, None).with_status(413))
        }
        Err(_) => Err(Rejection::invalid("The request body broke off.", None, None)),
    }
}

fn ok(body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::whole(body));
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

fn refuse(rejection: &Rejection, profile: Profile, id: &str) -> Response<Body> {
    let profile = rejection.worded_by.unwrap_or(profile);
    let mut response = ok(rejection.body(profile, id));
    *response.status_mut() =
        StatusCode::from_u16(rejection.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(wait) = rejection.wait {
        headers::retry_after(response.headers_mut(), profile, wait);
    }
    response
}

fn not_found(profile: Profile, model: &str, more: &str) -> Rejection {
    let message = match profile {
        Profile::Anthropic => format!("model: {model}.{more}"),
        Profile::Gemini => format!(
            "models/{model} is not found for API version v1beta, or is not supported for generateContent.{more}"
        ),
        _ => format!("The model `{model}` does not exist or you do not have access to it.{more}"),
    };
    let code = (!matches!(profile, Profile::Anthropic | Profile::Gemini)).then_some("model_not_found");
    Rejection::invalid(&message, None, code).with_status(404)
}

fn not_allowed(allowed: &'static str) -> Response<Body> {
    let message = format!("Not allowed here: use {allowed}.");
    let rejection = Rejection::invalid(&message, None, Some("method_not_supported")).with_status(405);
    let mut response = refuse(&rejection, Profile::Compatible, "");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

fn too_many(profile: Profile, refusal: Refusal, model: &str, cost: Cost, admission: &Admission) -> Rejection {
    let quota = match refusal {
        Refusal::Tokens(_) | Refusal::Wall(_) => admission.tokens,
        Refusal::Input(_) => admission.input,
        Refusal::Output(_) => admission.output,
        _ => admission.requests,
    };
    let limit = match refusal {
        Refusal::Day(cap, _) | Refusal::Concurrency(cap) => u64::from(cap),
        _ => quota.map_or(0, |quota| quota.limit),
    };
    limited::rejection(profile, refusal, model, cost, limit)
}
