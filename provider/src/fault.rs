//! What goes wrong on purpose: named faults, each at its rate, drawn from the seed and the request's number, so that a
//! run's faults can be had again.

use std::str::FromStr;

use crate::error::ProviderError;

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
}

/// Which faults, and how often. Default: none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FaultPlan {
    /// Each with its rate above 0, in order of adding.
    rates: Vec<(Fault, f64)>,
}

// === impl Fault ===

impl Fault {
    /// All of them.
    pub const ALL: [Self; 13] = [
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
    ];

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
        }
    }
}

impl FromStr for Fault {
    type Err = ProviderError;

    fn from_str(name: &str) -> Result<Self, ProviderError> {
        Self::ALL.into_iter().find(|fault| fault.name() == name).ok_or_else(|| ProviderError::UnknownFault {
            name: name.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
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

    /// The fault, if any, of the request of this number.
    pub(crate) fn draw(&self, seed: u64, number: u64) -> Option<Fault> {
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

    /// `cut=0.05,http429=0.1`.
    fn from_str(plan: &str) -> Result<Self, ProviderError> {
        let entries = plan.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.into_iter().try_fold(Self::default(), |plan, entry| {
            let bad = || ProviderError::BadFault { entry: entry.to_owned() };
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
        for fault in Fault::ALL {
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
    fn plans_that_cannot_be_are_refused_in_words() {
        for (plan, word) in [
            ("cutt=0.1", "known are http500"),
            ("cut", "NAME=RATE"),
            ("cut=often", "NAME=RATE"),
            ("cut=-0.1", "NAME=RATE"),
            ("cut=NaN", "NAME=RATE"),
            ("cut=0.6,hang=0.6", "more than 1"),
        ] {
            let error = plan.parse::<FaultPlan>().expect_err(plan).to_string();
            assert!(error.contains(word), "{error}");
        }
        assert_eq!("".parse::<FaultPlan>().expect("none"), FaultPlan::default());
    }
}
