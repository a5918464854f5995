//! The sweeps that this worker was told of: their plans and suites, and how each of their models is called.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use muster_episode::{Bundle, Expander, ModelPlan, Reply, SweepPlan};
use muster_proto::v1::work_client::WorkClient;
use muster_proto::v1::worker_event::Event;
use muster_proto::{BUNDLE_MAX_BYTES, MESSAGE_MAX_BYTES, v1};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tonic::transport::Channel;

use crate::caller::{Caller, CallerConfig};
use crate::cost::{CostRule, Costs};
use crate::desk::Desk;
use crate::gate::{Gate, Lowest};
use crate::http::Http;
use crate::pace::PaceConfig;
use crate::redact::Redactor;
use crate::retry::{RetryLimits, reconnect_schedule};
use crate::spool::Spool;
use crate::worker::Settings;

/// Calls at once to a model where nobody says otherwise, as in Inspect.
pub const MAX_CONNECTIONS_DEFAULT: u32 = 10;

/// A bundle is fetched within this time: 64 MiB at 2 MB/s.
const FETCH_DEADLINE: Duration = Duration::from_secs(32);

/// A sweep, ready to run jobs of.
pub(crate) struct Sweep {
    pub(crate) expander: Expander,
    /// How often and how long its calls are tried.
    pub(crate) limits: RetryLimits,
    callers: Vec<OnceLock<Result<Arc<Caller>, String>>>,
}

/// Why a sweep can't be run here.
#[derive(Debug, Clone)]
pub(crate) struct SweepError {
    pub(crate) class: v1::FailureClass,
    pub(crate) message: String,
}

type Ready = Option<Result<Arc<Sweep>, SweepError>>;

/// See the module.
pub(crate) struct Sweeps {
    settings: Settings,
    http: Http,
    redactor: Redactor,
    bundles: Spool,
    /// By sweep: the document it was told with, and what came of it.
    known: Mutex<BTreeMap<u64, (Bytes, watch::Sender<Ready>)>>,
    /// One caller a model, shared by all sweeps, so that its pace is the model's and not the sweep's.
    callers: Mutex<BTreeMap<String, Result<Arc<Caller>, String>>>,
}

// === impl Sweeps ===

impl Sweeps {
    pub(crate) fn new(settings: Settings, http: Http, redactor: Redactor, bundles: Spool) -> Self {
        let (known, callers) = (Mutex::default(), Mutex::default());
        Self { settings, http, redactor, bundles, known, callers }
    }

    /// Takes note of a sweep and makes it ready in the background. Told again with another document, as after it was
    /// submitted again, it is made ready anew; with the same one, only if it could not be.
    pub(crate) fn brief(&self, brief: v1::Brief, channel: Channel, tasks: &TaskTracker) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((document, ready)) = known.get(&brief.sweep)
            && *document == brief.document
            && !matches!(&*ready.borrow(), Some(Err(_)))
        {
            return;
        }
        let ready = watch::Sender::new(None);
        known.insert(brief.sweep, (brief.document.clone(), ready.clone()));
        let (bundles, fresh) = (self.bundles.clone(), self.settings.plan.clone());
        tasks.spawn(async move {
            let prepared = prepare_at_last(&brief, fresh, &channel, &bundles).await;
            if let Err(error) = &prepared {
                tracing::warn!(sweep = brief.sweep, error = error.message, "sweep can't be run here");
            }
            ready.send_replace(Some(prepared.map(Arc::new)));
        });
    }

    /// A sweep, once it is ready. The coordinator briefs before it grants, so it is known.
    pub(crate) async fn get(&self, sweep: u64) -> Result<Arc<Sweep>, SweepError> {
        let known = self
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&sweep)
            .map(|(_, ready)| ready.subscribe());
        let Some(mut ready) = known else {
            return Err(transient("a job was granted before its sweep was known"));
        };
        let settled = ready.wait_for(Option::is_some).await;
        settled
            .ok()
            .and_then(|ready| ready.clone())
            .unwrap_or_else(|| Err(transient("this worker is ending")))
    }

    /// A model's answer without any key of this worker's.
    pub(crate) fn redacted(&self, reply: Reply) -> Reply {
        self.redactor.reply(reply)
    }

    fn caller(&self, plan: &SweepPlan, model: &ModelPlan, desk: &Arc<Desk>) -> Result<Arc<Caller>, String> {
        let address = model.base_url.as_deref().unwrap_or_default();
        let (pace, ModelPlan { name, pool, dialect, quirks, price, quota, .. }) =
            (self.pace(plan, model), model);
        // All that a caller keeps: one that was made for another pool would pass that pool's gate.
        let name = format!("{name} {address} {pool} {dialect:?} {quirks:?} {price:?} {quota:?} {pace:?}");
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        callers.entry(name).or_insert_with(|| self.new_caller(plan, model, desk).map(Arc::new)).clone()
    }

    /// What this worker was told goes before what the sweep says of the model, and that before what it says of all.
    fn pace(&self, plan: &SweepPlan, model: &ModelPlan) -> PaceConfig {
        let max_connections =
            self.settings.max_connections.or(model.max_connections).or(plan.max_connections());
        let rpm = self.settings.rpm;
        PaceConfig {
            max_connections: max_connections.unwrap_or(MAX_CONNECTIONS_DEFAULT),
            requests_per_minute: rpm.and_then(NonZeroU32::new),
        }
    }

    fn new_caller(&self, plan: &SweepPlan, model: &ModelPlan, desk: &Arc<Desk>) -> Result<Caller, String> {
        let route = self.settings.route(model).map_err(|error| error.to_string())?;
        let pace = self.pace(plan, model);
        let (account, pool) = (model.account.to_string(), model.pool.to_string());
        let costs = Costs::new(CostRule::of_account(&account), model.price);
        let lowest = Lowest::new(&account, &pool, model.quota);
        let gate = Gate::new(desk.shares.scope(&account, &pool), Arc::clone(&desk.shares), costs, lowest);
        let desk = Arc::downgrade(desk);
        let on_rate_limit = Arc::new(move |pause_ms| {
            if let Some(desk) = desk.upgrade() {
                let (account, pool) = (account.clone(), pool.clone());
                desk.say(Event::Pause(v1::PauseScope { account, pool, pause_ms }));
            }
        });
        let redactor = self.redactor.clone();
        let config =
            CallerConfig { pace, gate, redactor, on_rate_limit: Some(on_rate_limit), ..Default::default() };
        Caller::new(&self.http, route, config).map_err(|error| error.to_string())
    }
}

// === impl Sweep ===

impl Sweep {
    /// How a lane's model is called. An error is the configuration's: a key or an address is missing.
    pub(crate) fn caller(&self, lane: u32, desk: &Arc<Desk>) -> Result<Arc<Caller>, String> {
        let place = usize::try_from(lane).unwrap_or(usize::MAX);
        let plan = self.expander.plan();
        let (Some(cached), Some(model)) = (self.callers.get(place), plan.models().get(place)) else {
            return Err(format!("the sweep's plan has no model {lane}"));
        };
        cached.get_or_init(|| desk.sweeps.caller(plan, model, desk)).clone()
    }
}

/// Makes a sweep ready, and tries again as long as what stands in the way may pass: its jobs wait, and fail for nothing.
async fn prepare_at_last(
    brief: &v1::Brief,
    fresh: Option<Arc<SweepPlan>>,
    channel: &Channel,
    bundles: &Spool,
) -> Result<Sweep, SweepError> {
    let mut delays = reconnect_schedule();
    loop {
        match prepare(brief, fresh.clone(), channel.clone(), bundles).await {
            Err(error) if error.class == v1::FailureClass::Transient => {
                tracing::warn!(
                    sweep = brief.sweep,
                    error = error.message,
                    "sweep is not ready: trying again"
                );
                tokio::time::sleep(delays.next_delay()).await;
            }
            settled => return settled,
        }
    }
}

async fn prepare(
    brief: &v1::Brief,
    fresh: Option<Arc<SweepPlan>>,
    channel: Channel,
    bundles: &Spool,
) -> Result<Sweep, SweepError> {
    let stored = SweepPlan::from_json(&brief.document).map_err(|error| engine(&error))?;
    let plan = match fresh {
        Some(fresh) if fresh.content_hash() == stored.content_hash() => fresh,
        _ => Arc::new(stored),
    };
    let packed = match bundles.cached(&plan.bundle()) {
        Some(packed) => packed,
        None => fetch(plan.bundle(), channel, bundles).await?,
    };
    let bundle = Bundle::unpack(&packed).map_err(|error| engine(&error))?;
    let callers = plan.models().iter().map(|_| OnceLock::new()).collect();
    let limits = RetryLimits::of_sweep(plan.retry());
    let expander = Expander::load(&bundle, plan).map_err(|error| engine(&error))?;
    Ok(Sweep { expander, limits, callers })
}

async fn fetch(hash: [u8; 32], channel: Channel, bundles: &Spool) -> Result<Vec<u8>, SweepError> {
    let packed = tokio::time::timeout(FETCH_DEADLINE, download(hash, channel))
        .await
        .map_err(|_| transient("the suite's files could not be fetched in 32 seconds"))?
        .map_err(|status| {
            transient(&format!("the suite's files could not be fetched: {}", status.message()))
        })?;
    if *blake3::hash(&packed).as_bytes() != hash {
        return Err(transient("the suite's files came damaged"));
    }
    if let Err(error) = bundles.cache(&hash, &packed) {
        tracing::debug!(%error, "the suite's files are not cached");
    }
    Ok(packed)
}

async fn download(hash: [u8; 32], channel: Channel) -> Result<Vec<u8>, tonic::Status> {
    let mut client = WorkClient::new(channel).max_decoding_message_size(MESSAGE_MAX_BYTES);
    let mut chunks = client.bundle(v1::BundleRequest { hash: hash.to_vec().into() }).await?.into_inner();
    let mut packed = Vec::new();
    while let Some(chunk) = chunks.message().await? {
        if packed.len() + chunk.data.len() > BUNDLE_MAX_BYTES {
            return Err(tonic::Status::resource_exhausted("a packed bundle has at most 64 MiB"));
        }
        packed.extend_from_slice(&chunk.data);
    }
    Ok(packed)
}

fn transient(message: &str) -> SweepError {
    SweepError { class: v1::FailureClass::Transient, message: message.to_owned() }
}

fn engine(error: &dyn std::fmt::Display) -> SweepError {
    SweepError {
        class: v1::FailureClass::Engine,
        message: format!("this worker can't read the sweep (is it of another release?): {error}"),
    }
}

impl Spool {
    fn cached(&self, hash: &[u8; 32]) -> Option<Vec<u8>> {
        let packed = std::fs::read(self.bundle(hash)).ok()?;
        (blake3::hash(&packed).as_bytes() == hash).then_some(packed)
    }

    fn cache(&self, hash: &[u8; 32], packed: &[u8]) -> io::Result<()> {
        let path = self.bundle(hash);
        std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
        let fresh = path.with_extension("new");
        std::fs::write(&fresh, packed)?;
        std::fs::rename(fresh, path)
    }
}
