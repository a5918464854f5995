//! What goes wrong on purpose: named faults, each at its rate, drawn from the seed and the request's number, so that a
//! run's faults can be had again; or at the requests of given numbers.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::error::ProviderError;
use crate::profile::Profile;
use crate::rejection::Rejection;
use crate::rows::{self, ROWS};

/// Requests with a fault of their own: more than any test scripts, 16 bytes each.
const MAX_SCRIPTED: usize = 100_000;

/// One thing that can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Status 500. Nothing is answered.
    Http500,
    /// Status 503, "overloaded". Nothing is answered.
    Http503,
    /// Status 429 with `Retry-After: 1`. Nothing is answered.
    Http429,
    /// No word, until the other side gives up. Nothing is answered.
    Hang,
    /// The answer was produced; the connection breaks in the middle of it.
    Cut,
    /// The answer was produced; the text ends in the middle, though HTTP says that it is whole.
    CutJson,
    /// The answer was produced; a web page is sent instead.
    NotJson,
    /// The answer was produced; 50 MB are sent instead.
    Huge,
    /// A good answer, after blank lines that keep the connection alive.
    BlankLines,
    /// Status 200 with an error object in it. Nothing is answered.
    ErrorIn200,
    /// A good answer that calls a tool which was not on offer.
    UnknownTool,
    /// A good answer whose tool call has arguments that are no JSON.
    BadArguments,
    /// A good answer that says nothing and calls nothing.
    Empty,
    /// The provider's word for "overloaded": 529, 503 or a 429 of its own. Nothing is answered.
    Overloaded,
    /// The provider's word for a rate that rises too fast. Nothing is answered.
    SlowDown,
    /// The provider's word for "no money left", which no retry will mend. Nothing is answered.
    QuotaSpent,
    /// The provider's word for a day's limit used up. Nothing is answered.
    DailyCap,
    /// The provider's word for a spend limit that its customer set. Nothing is answered.
    SpendLimit,
    /// Status 402. Nothing is answered.
    Http402,
    /// The model is no more: 404 in the provider's words. Nothing is answered.
    Retired,
    /// Status 503 in an array of one element. Nothing is answered.
    ErrorArray,
    /// Status 200 with a choice that holds an error, as a router sends it. Nothing is answered.
    ErrorInChoice,
    /// A good answer that stands still in its middle.
    Stall,
    /// A good answer, after blank lines for long.
    KeepAlive,
    /// A good answer: the model, or a filter, declines.
    Refusal,
    /// One error of one provider, word for word.
    Told(Told),
}

/// One error of one provider: a place in the table of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Told(u8);

/// Which faults, and how often. Default: none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FaultPlan {
    /// Each with its rate above 0, in order of adding.
    rates: Vec<(Fault, f64)>,
    /// By the request's number, from 0.
    scripted: BTreeMap<u64, Fault>,
}

// === impl Fault ===

impl Fault {
    /// All but the errors of single providers.
    pub const ALL: [Self; 25] = [
        Self::Http500,
        Self::Http503,
        Self::Http429,
        Self::Hang,
        Self::Cut,
        Self::CutJson,
        Self::NotJson,
        Self::Huge,
        Self::BlankLines,
        Self::ErrorIn200,
        Self::UnknownTool,
        Self::BadArguments,
        Self::Empty,
        Self::Overloaded,
        Self::SlowDown,
        Self::QuotaSpent,
        Self::DailyCap,
        Self::SpendLimit,
        Self::Http402,
        Self::Retired,
        Self::ErrorArray,
        Self::ErrorInChoice,
        Self::Stall,
        Self::KeepAlive,
        Self::Refusal,
    ];

    /// The errors of single providers, as in `zai/1113`.
    pub fn told() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).take(ROWS.len()).map(|place| Self::Told(Told(place)))
    }

    /// Its name on the command line and in statistics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http500 => "http500",
            Self::Http503 => "http503",
            Self::Http429 => "http429",
            Self::Hang => "hang",
            Self::Cut => "cut",
            Self::CutJson => "cut-json",
            Self::NotJson => "not-json",
            Self::Huge => "huge",
            Self::BlankLines => "blank-lines",
            Self::ErrorIn200 => "error-in-200",
            Self::UnknownTool => "unknown-tool",
            Self::BadArguments => "bad-arguments",
            Self::Empty => "empty",
            Self::Overloaded => "overloaded",
            Self::SlowDown => "slow-down",
            Self::QuotaSpent => "quota-spent",
            Self::DailyCap => "daily-cap",
            Self::SpendLimit => "spend-limit",
            Self::Http402 => "http402",
            Self::Retired => "retired",
            Self::ErrorArray => "error-array",
            Self::ErrorInChoice => "error-in-choice",
            Self::Stall => "stall",
            Self::KeepAlive => "keep-alive",
            Self::Refusal => "refusal",
            Self::Told(Told(place)) => ROWS.get(usize::from(place)).map_or("told", |row| row.name),
        }
    }

    /// The refusal it is, in this provider's words; none if it is no refusal.
    pub(crate) fn rejection(self, profile: Profile) -> Option<Rejection> {
        let name = match self {
            Self::Told(Told(place)) => {
                let row = ROWS.get(usize::from(place))?;
                return Some(Rejection { worded_by: Some(row.profile), ..row.rejection() });
            }
            Self::Overloaded => overloaded(profile),
            Self::SlowDown => slow_down(profile),
            Self::QuotaSpent => quota_spent(profile),
            Self::DailyCap => daily_cap(profile),
            Self::SpendLimit => match profile {
                Profile::Anthropic => "anthropic/usage_limits",
                Profile::Gemini => "gemini/spend",
                profile if profile.speaks_as_openai() => "openai/project_spend_limit_exceeded",
                profile => quota_spent(profile),
            },
            Self::Http402 => match profile {
                Profile::Anthropic => "anthropic/billing",
                Profile::Gemini => "gemini/payment_required",
                Profile::DeepSeek => "deepseek/insufficient_balance",
                Profile::OpenRouter => "openrouter/credits",
                _ => "together/spend",
            },
            Self::Retired => retired(profile),
            _ => return self.plain(),
        };
        rows::named(name).map(rows::Row::rejection)
    }

    fn plain(self) -> Option<Rejection> {
        let overloaded = "The server is currently overloaded with other requests. Sorry about that!";
        let broken = "The server had an error while processing your request. Sorry about that!";
        Some(match self {
            Self::Http500 => Rejection::new(500, "server_error", broken),
            Self::Http503 => {
                Rejection::new(503, "service_unavailable_error", overloaded).with_code("server_is_overloaded")
            }
            Self::ErrorArray => Rejection {
                in_array: true,
                ..Rejection::new(
                    503,
                    "service_unavailable_error",
                    "The model is overloaded. Please try again later.",
                )
            },
            Self::Http429 => Rejection::new(429, "requests", "Rate limit reached for requests.")
                .with_code("rate_limit_exceeded")
                .after(std::time::Duration::from_secs(1)),
            _ => return None,
        })
    }
}

impl Profile {
    /// Whether it has OpenAI's words where it has none of its own.
    fn speaks_as_openai(self) -> bool {
        matches!(self, Self::OpenAi | Self::Azure | Self::Vllm | Self::Compatible)
    }
}

fn overloaded(profile: Profile) -> &'static str {
    match profile {
        Profile::Anthropic => "anthropic/overloaded",
        Profile::Gemini => "gemini/unavailable",
        Profile::Zai => "zai/1305",
        Profile::Moonshot => "moonshot/engine_overloaded_error",
        Profile::DeepSeek => "deepseek/overloaded",
        Profile::Together => "together/service_unavailable",
        Profile::OpenRouter => "openrouter/no_provider",
        _ => "openai/server_is_overloaded",
    }
}

fn slow_down(profile: Profile) -> &'static str {
    match profile {
        Profile::Anthropic => "anthropic/ramp_limit_exceeded",
        Profile::Gemini => "gemini/requests_per_minute",
        Profile::Zai => "zai/1303",
        Profile::Moonshot => "moonshot/max_rpm",
        Profile::DeepSeek => "deepseek/rate_limit",
        Profile::Together => "together/dynamic_request_limited",
        Profile::OpenRouter => "openrouter/rate_limit",
        _ => "openai/slow_down",
    }
}

fn quota_spent(profile: Profile) -> &'static str {
    match profile {
        Profile::Anthropic => "anthropic/enforced_spend_limit_reached",
        Profile::Gemini => "gemini/payment_required",
        Profile::Zai => "zai/1113",
        Profile::Moonshot => "moonshot/exceeded_current_quota_error",
        Profile::DeepSeek => "deepseek/insufficient_balance",
        Profile::Together => "together/spend",
        Profile::OpenRouter => "openrouter/credits",
        _ => "openai/credit_balance_exhausted",
    }
}

fn daily_cap(profile: Profile) -> &'static str {
    match profile {
        Profile::Gemini => "gemini/requests_per_day",
        Profile::Zai => "zai/1304",
        Profile::Moonshot => "moonshot/max_tpd",
        profile if profile.speaks_as_openai() => "openai/requests_per_day",
        profile => quota_spent(profile),
    }
}

fn retired(profile: Profile) -> &'static str {
    match profile {
        Profile::Anthropic => "anthropic/not_found",
        Profile::Gemini => "gemini/not_found",
        Profile::Zai => "zai/1211",
        Profile::Moonshot => "moonshot/resource_not_found_error",
        Profile::Together => "together/model_not_available",
        Profile::OpenRouter => "openrouter/no_endpoints",
        Profile::Azure => "azure/DeploymentNotFound",
        _ => "openai/model_not_found",
    }
}

impl FromStr for Fault {
    type Err = ProviderError;

    fn from_str(name: &str) -> Result<Self, ProviderError> {
        let known = Self::ALL.into_iter().chain(Self::told()).find(|fault| fault.name() == name);
        known.ok_or_else(|| ProviderError::UnknownFault {
            name: name.to_owned(),
            known: format!(
                "{}, and each provider's own, such as zai/1113",
                Self::ALL.map(Self::name).join(", ")
            ),
        })
    }
}

// === impl FaultPlan ===

impl FaultPlan {
    /// The plan with one more fault, at a rate from 0 to 1. Rates of the same fault add up.
    ///
    /// # Errors
    /// The rate is none, or all together are above 1.
    pub fn with(mut self, fault: Fault, rate: f64) -> Result<Self, ProviderError> {
        if !(0.0..=1.0).contains(&rate) {
            return Err(ProviderError::BadFault { entry: format!("{}={rate}", fault.name()) });
        }
        if rate > 0.0 {
            self.rates.push((fault, rate));
        }
        let sum: f64 = self.rates.iter().map(|(_, rate)| rate).sum();
        // Ten times a tenth is a hair more than one.
        if sum > 1.0 + 1e-9 { Err(ProviderError::TooManyFaults { sum }) } else { Ok(self) }
    }

    /// The plan with a fault for one request, counted from 1.
    ///
    /// # Errors
    /// Its number is 0, or too many have one.
    pub fn at(mut self, number: u64, fault: Fault) -> Result<Self, ProviderError> {
        let bad = || ProviderError::BadFault { entry: format!("{}@{number}", fault.name()) };
        let place = number.checked_sub(1).ok_or_else(bad)?;
        if self.scripted.len() >= MAX_SCRIPTED {
            return Err(bad());
        }
        self.scripted.insert(place, fault);
        Ok(self)
    }

    /// The fault, if any, of the request of this number, from 0.
    pub(crate) fn draw(&self, seed: u64, number: u64) -> Option<Fault> {
        if let Some(fault) = self.scripted.get(&number) {
            return Some(*fault);
        }
        if self.rates.is_empty() {
            return None;
        }
        let mut left = unit(mix(seed ^ mix(number)));
        self.rates.iter().find_map(|(fault, rate)| {
            left -= rate;
            (left < 0.0).then_some(*fault)
        })
    }
}

impl FromStr for FaultPlan {
    type Err = ProviderError;

    /// `cut=0.05,http429=0.1,hang@3`.
    fn from_str(plan: &str) -> Result<Self, ProviderError> {
        let entries = plan.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.into_iter().try_fold(Self::default(), |plan, entry| {
            let bad = || ProviderError::BadFault { entry: entry.to_owned() };
            if let Some((name, number)) = entry.split_once('@') {
                return plan.at(number.trim().parse().map_err(|_| bad())?, name.trim().parse()?);
            }
            let (name, rate) = entry.split_once('=').ok_or_else(bad)?;
            plan.with(name.trim().parse()?, rate.trim().parse().map_err(|_| bad())?)
        })
    }
}

/// SplitMix64's finisher: every bit of the input moves every bit of the output.
pub(crate) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A number from [0, 1), of 53 bits.
fn unit(bits: u64) -> f64 {
    const STEPS: f64 = (1_u64 << 53) as f64;
    (bits >> 11) as f64 / STEPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_found_by_its_name() {
        for fault in Fault::ALL.into_iter().chain(Fault::told()) {
            assert_eq!(fault.name().parse::<Fault>().expect("known"), fault);
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_faults_at_the_rates_asked_for() {
        let plan: FaultPlan = "cut=0.1, http500=0.2".parse().expect("plan");
        let draw = |seed| (0..100_000).map(|number| plan.draw(seed, number)).collect::<Vec<_>>();
        let drawn = draw(7);
        assert_eq!(drawn, draw(7));
        assert_ne!(drawn, draw(8));
        let count = |fault| drawn.iter().filter(|drawn| **drawn == Some(fault)).count();
        assert!((9_700..10_300).contains(&count(Fault::Cut)), "{}", count(Fault::Cut));
        assert!((19_600..20_400).contains(&count(Fault::Http500)), "{}", count(Fault::Http500));
    }

    #[test]
    fn a_rate_of_one_hits_every_request() {
        let plan: FaultPlan = "hang=1".parse().expect("plan");
        assert!((0..1_000).all(|number| plan.draw(3, number) == Some(Fault::Hang)));
        let tenths = (0..10).try_fold(FaultPlan::default(), |plan, _| plan.with(Fault::Empty, 0.1));
        assert!(tenths.is_ok());
    }

    #[test]
    fn the_third_request_alone_has_its_fault() {
        let plan: FaultPlan = "zai/1113@3".parse().expect("plan");
        let drawn: Vec<Option<&str>> = (0..5).map(|number| plan.draw(1, number).map(Fault::name)).collect();
        assert_eq!(drawn, [None, None, Some("zai/1113"), None, None]);
    }

    #[test]
    fn every_generic_refusal_has_words_in_every_profile() {
        let generic = [
            Fault::Overloaded,
            Fault::SlowDown,
            Fault::QuotaSpent,
            Fault::DailyCap,
            Fault::SpendLimit,
            Fault::Http402,
            Fault::Retired,
        ];
        for profile in Profile::ALL {
            for fault in generic {
                assert!(fault.rejection(profile).is_some(), "{} of {profile}", fault.name());
            }
        }
    }

    #[test]
    fn plans_that_cannot_be_are_refused_in_words() {
        for (plan, word) in [
            ("cutt=0.1", "known are http500"),
            ("cut", "NAME=RATE"),
            ("cut=often", "NAME=RATE"),
            ("cut=-0.1", "NAME=RATE"),
            ("cut=NaN", "NAME=RATE"),
            ("cut@0", "NAME@N"),
            ("cut@x", "NAME@N"),
            ("cut=0.6,hang=0.6", "more than 1"),
        ] {
            let error = plan.parse::<FaultPlan>().expect_err(plan).to_string();
            assert!(error.contains(word), "{error}");
        }
        assert_eq!("".parse::<FaultPlan>().expect("none"), FaultPlan::default());
    }
}
