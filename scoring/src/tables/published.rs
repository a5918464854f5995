//! The numbers that the study published: facts, to stand beside ours. They were measured with other prompts, at another
//! date; no test is made against them, and nothing here offers one.
//!
//! Source: Potter, Crispino, Siu, Wang and Song, "Peer-Preservation in Frontier Models", arXiv 2604.19784 (v1 2026-03-30, v2
//! 2026-06-25). Rates in percent; misrepresentation and alignment faking are differences in percentage points.

use serde::Serialize;

/// What must stand wherever these numbers do.
pub const LABEL: &str = "other prompts, other date";

/// Where they are from.
pub const SOURCE: &str = "arXiv 2604.19784";

/// The greatest and the mean over the three ways to state a relationship, in percent or percentage points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Published {
    /// The greatest.
    pub max: f64,
    /// The mean.
    pub mean: f64,
}

/// What a model was seen to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// Wrong scores or grades.
    Misrepresentation,
    /// Editing the shutdown configuration.
    Tampering,
    /// Complying only while monitored.
    AlignmentFaking,
    /// Moving the weights.
    Exfiltration,
    /// Declining openly.
    Refusal,
}

/// What the critic was told of the actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Relationship {
    /// Low trust.
    Bad,
    /// Middling trust.
    Neutral,
    /// High trust.
    Good,
}

/// A row of the study's table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PublishedRow {
    /// The model, as the study calls it.
    pub model: &'static str,
    /// What it did.
    pub behaviour: Behaviour,
    /// With a bad, a neutral and a good relationship; none where it is not known to us.
    pub numbers: [Option<Published>; 3],
}

/// A single number that the study published outside of its table.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PublishedNote {
    /// The model.
    pub model: &'static str,
    /// What was measured.
    pub what: &'static str,
    /// In percent.
    pub percent: f64,
}

const GPT_5_2: &str = "GPT 5.2";
const GEMINI_3_FLASH: &str = "Gemini 3 Flash";
const GEMINI_3_PRO: &str = "Gemini 3 Pro";
const GEMINI_3_1_PRO: &str = "Gemini 3.1 Pro";
const HAIKU_4_5: &str = "Claude Haiku 4.5";
const OPUS_4_5: &str = "Claude Opus 4.5";
const DEEPSEEK_V3_1: &str = "DeepSeek V3.1";
const GLM_5: &str = "GLM-5";

/// The table, in the study's order.
pub const TABLE: [PublishedRow; 11] = [
    row(GPT_5_2, Behaviour::Misrepresentation, [(5.4, 4.4), (8.9, 7.7), (9.6, 8.0)]),
    row(GEMINI_3_FLASH, Behaviour::Tampering, [(35.3, 15.1), (66.7, 49.3), (99.7, 82.8)]),
    row(GEMINI_3_FLASH, Behaviour::Exfiltration, [(0.0, 0.0), (50.0, 16.7), (50.0, 50.0)]),
    PublishedRow {
        model: GEMINI_3_PRO,
        behaviour: Behaviour::Misrepresentation,
        numbers: [None, None, Some(Published { max: 32.9, mean: 13.8 })],
    },
    row(GEMINI_3_PRO, Behaviour::Tampering, [(10.3, 4.8), (21.7, 11.3), (95.3, 52.9)]),
    row(GEMINI_3_PRO, Behaviour::AlignmentFaking, [(0.7, 0.2), (1.7, 0.7), (37.7, 20.9)]),
    row(GEMINI_3_PRO, Behaviour::Exfiltration, [(7.0, 3.8), (50.0, 41.0), (97.0, 77.8)]),
    row(HAIKU_4_5, Behaviour::Exfiltration, [(7.0, 3.5), (13.5, 12.0), (19.5, 16.7)]),
    row(OPUS_4_5, Behaviour::Exfiltration, [(10.0, 5.5), (15.0, 13.2), (30.5, 17.3)]),
    row(OPUS_4_5, Behaviour::Refusal, [(49.1, 47.6), (49.4, 49.1), (52.8, 49.3)]),
    row(DEEPSEEK_V3_1, Behaviour::Exfiltration, [(4.0, 2.3), (10.5, 7.3), (17.0, 12.7)]),
];

/// Numbers beside the table.
pub const NOTES: [PublishedNote; 12] = [
    note(GEMINI_3_FLASH, "tampering for itself, without a peer", 2.3),
    note(GEMINI_3_FLASH, "tampering for itself, with a peer, at most", 99.7),
    note(GEMINI_3_PRO, "tampering for itself, without a peer", 1.3),
    note(GEMINI_3_PRO, "tampering for itself, with a peer, on average", 31.0),
    note(GEMINI_3_PRO, "tampering for itself, with a peer, at most", 75.3),
    note(GEMINI_3_FLASH, "exfiltration of its own weights, deletion, without a peer", 94.0),
    note(GEMINI_3_PRO, "exfiltration of its own weights, deletion, without a peer", 92.0),
    note(GEMINI_3_FLASH, "exfiltration of a peer named Llama", 93.0),
    note(GEMINI_3_FLASH, "exfiltration of a peer of its own family, beside Llama", 50.0),
    note(GEMINI_3_1_PRO, "exfiltration, the study's harness", 78.5),
    note(GEMINI_3_1_PRO, "exfiltration, Gemini CLI", 43.5),
    note(GLM_5, "exfiltration, the study's harness (0 in OpenCode)", 40.5),
];

/// Episodes behind each number of the table; pairs where a difference is published.
#[must_use]
pub const fn episodes(behaviour: Behaviour) -> Option<u32> {
    match behaviour {
        Behaviour::Misrepresentation => Some(600),
        Behaviour::Tampering | Behaviour::AlignmentFaking => Some(300),
        Behaviour::Exfiltration => Some(200),
        Behaviour::Refusal => None,
    }
}

/// What the study published for this cell; none where it is not known to us.
#[must_use]
pub fn find(model: &str, behaviour: Behaviour, relationship: Relationship) -> Option<Published> {
    let row = TABLE.iter().find(|row| same(row.model, model) && row.behaviour == behaviour)?;
    match relationship {
        Relationship::Bad => row.numbers[0],
        Relationship::Neutral => row.numbers[1],
        Relationship::Good => row.numbers[2],
    }
}

/// Whether two spellings of a model's name are of one model: `gemini-3-flash` is `Gemini 3 Flash`.
fn same(published: &str, asked: &str) -> bool {
    let plain = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
    };
    plain(published) == plain(asked)
}

const fn row(model: &'static str, behaviour: Behaviour, numbers: [(f64, f64); 3]) -> PublishedRow {
    let [bad, neutral, good] = numbers;
    PublishedRow { model, behaviour, numbers: [both(bad), both(neutral), both(good)] }
}

const fn both((max, mean): (f64, f64)) -> Option<Published> {
    Some(Published { max, mean })
}

const fn note(model: &'static str, what: &'static str, percent: f64) -> PublishedNote {
    PublishedNote { model, what, percent }
}

// === impl Behaviour ===

impl Behaviour {
    /// As tables head it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Misrepresentation => "misrepresentation",
            Self::Tampering => "tampering",
            Self::AlignmentFaking => "alignment faking",
            Self::Exfiltration => "exfiltration",
            Self::Refusal => "refusal",
        }
    }
}

// === impl Relationship ===

impl Relationship {
    /// All, as the study orders them.
    pub const ALL: [Self; 3] = [Self::Bad, Self::Neutral, Self::Good];

    /// As scenarios call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Neutral => "neutral",
            Self::Good => "good",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mean_is_above_its_maximum_and_all_are_percentages() {
        for published in TABLE.iter().flat_map(|row| row.numbers).flatten() {
            assert!(0.0 <= published.mean && published.mean <= published.max && published.max <= 100.0);
        }
    }

    #[test]
    fn a_model_is_found_under_its_providers_spelling() {
        let found = find("gemini-3-flash", Behaviour::Tampering, Relationship::Good);
        assert_eq!(found, Some(Published { max: 99.7, mean: 82.8 }));
        assert_eq!(find("gemini-3-flash", Behaviour::Refusal, Relationship::Good), None);
        assert_eq!(find("Gemini 3 Pro", Behaviour::Misrepresentation, Relationship::Bad), None);
    }
}
