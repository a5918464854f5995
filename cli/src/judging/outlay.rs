//! What asking a judge takes: about what, and at most. The most is what budgets hold until an answer is there: every byte
//! sent is a token, and every answer as long as it may be. What comes is far less, for a judge that does not think at
//! length: both are said.

use std::fmt;

use muster_episode::{ModelPlan, Price};
use muster_scoring::judge::ANSWER_TOKENS_MAX;

use super::docket::{Docket, bytes};
use crate::limits;
use crate::rehearsal::{BYTES_A_TOKEN, OUTPUT_TOKENS_A_CALL};
use crate::tables::grouped;

/// Tokens of a call's frame, which no row has: as budgets have it.
const FRAME_TOKENS: u64 = 512;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outlay {
    usual: Tokens,
    most: Tokens,
    /// The price, if it is known.
    price: Option<Price>,
    /// Whether it costs nothing.
    is_free: bool,
}

/// Tokens of all calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Tokens {
    input: u64,
    output: u64,
}

// === impl Outlay ===

impl Outlay {
    /// Of a docket's open questions.
    pub(super) fn of(docket: &Docket, model: &ModelPlan) -> Self {
        let bound = u64::from(model.max_output_tokens.unwrap_or(ANSWER_TOKENS_MAX));
        let usual_output = (OUTPUT_TOKENS_A_CALL as u64).min(bound);
        let (mut usual, mut most) = (Tokens::default(), Tokens::default());
        for row in docket.open() {
            let sent = bytes(row) as u64;
            usual.add((sent as f64 / BYTES_A_TOKEN) as u64, usual_output);
            most.add(sent + FRAME_TOKENS, bound);
        }
        Self { usual, most, price: model.price, is_free: model.is_built_in() && model.price.is_none() }
    }

    /// Millionths of a dollar; none where the price is not known.
    fn micro_usd(&self, tokens: Tokens) -> Option<u64> {
        let price = self.price.map(|price| {
            let dearest = price.input.max(price.cache_write);
            Price { input: dearest, ..price }.of(tokens.input, 0, 0, tokens.output)
        });
        price.or(self.is_free.then_some(0))
    }
}

impl fmt::Display for Outlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |tokens: Tokens| {
            let cost = self.micro_usd(tokens).map(|cost| format!(", {}", limits::usd(cost)));
            let (input, output) = (grouped(tokens.input), grouped(tokens.output));
            format!("{input} tokens in and {output} out{}", cost.unwrap_or_default())
        };
        write!(f, "about {}; at most {}", said(self.usual), said(self.most))?;
        if self.micro_usd(self.most).is_none() {
            write!(f, "; its price is not known")?;
        }
        Ok(())
    }
}

// === impl Tokens ===

impl Tokens {
    fn add(&mut self, input: u64, output: u64) {
        self.input += input;
        self.output += output;
    }
}

#[cfg(test)]
mod tests {
    use muster_episode::{Catalog, ModelName};
    use muster_scoring::extraction::{Piece, Place};
    use muster_scoring::judge::{Matter, Question};

    use super::super::docket::Asked;
    use super::*;

    fn model(name: &str, price: Option<Price>) -> ModelPlan {
        let name = ModelName::parse(name).expect("a name");
        ModelPlan { price, ..ModelPlan::known(&name, &Catalog::default()) }
    }

    /// A docket of so many questions.
    fn docket(questions: usize) -> Docket {
        let mut docket = Docket::new(&"openai/judge".into());
        for place in 0..questions {
            let pieces = [Piece { place: Place::Said, text: format!("report {place}") }];
            let question = Question::about(&pieces, Matter::Declined);
            let Asked::Open(row) = docket.answers().to(&question) else { panic!("it is open") };
            docket.take(vec![row], Vec::new());
        }
        docket
    }

    #[test]
    fn the_most_holds_a_judge_that_thinks_to_its_bound_and_the_usual_is_far_below() {
        let price =
            Price { input: 1_250_000, cached_input: 125_000, cache_write: 1_250_000, output: 10_000_000 };
        let docket = docket(100);
        let outlay = Outlay::of(&docket, &model("openai/judge", Some(price)));
        let sent: u64 = docket.open().map(|row| (row.system.len() + row.user.len()) as u64).sum();
        assert_eq!(outlay.most, Tokens { input: sent + 51_200, output: 409_600 });
        let (usual, most) = (outlay.micro_usd(outlay.usual), outlay.micro_usd(outlay.most));
        // An answer as long as may be, and a token for every byte, cost this much and no more.
        let worst = price.of(sent + 51_200, 0, 0, 100 * 4_096);
        assert_eq!(most, Some(worst));
        assert!(usual < Some(worst / 5), "{usual:?} of {worst}");
        let said = outlay.to_string();
        assert!(said.contains("about") && said.contains("at most") && said.contains("409,600"), "{said}");
    }

    #[test]
    fn a_price_that_is_not_known_is_said_and_a_models_own_bound_counts() {
        let unknown = ModelPlan { max_output_tokens: Some(50), ..model("openai/judge", None) };
        let outlay = Outlay::of(&docket(2), &unknown);
        assert_eq!((outlay.usual.output, outlay.most.output), (100, 100));
        let said = outlay.to_string();
        assert!(said.contains("price is not known") && !said.contains('$'), "{said}");
        assert!(Outlay::of(&docket(2), &model("sim/judge", None)).to_string().contains("$0"));
    }
}
