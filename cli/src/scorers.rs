//! The scorers of a suite: made before anything is paid for, and what is wrong with them told at its line.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_episode::{ScorerFault, ScorerPart, Suite};
use muster_scoring::{ScoreError, ScorerError, ScorerSet};

/// The scorers of each scenario, by its name.
pub(crate) type Scorers = BTreeMap<Arc<str>, ScorerSet>;

/// The scorers of all scenarios of a suite.
///
/// # Errors
/// All scorers that can't be had as the suite asks for them.
pub(crate) fn all(suite: &Suite) -> Result<Scorers, Vec<ScorerFault>> {
    let (mut scorers, mut faults) = (Scorers::new(), Vec::new());
    for scenario in suite.scenarios() {
        let name = scenario.name();
        // One by one first: a set stops at the first that is wrong.
        let alone = |spec| ScorerSet::new(std::slice::from_ref(spec)).err();
        let known = faults.len();
        faults.extend(scenario.scorers().iter().filter_map(alone).map(|error| unmade(name, &error)));
        match ScorerSet::new(scenario.scorers()) {
            Ok(set) => drop(scorers.insert(Arc::clone(name), set)),
            Err(error) if faults.len() == known => faults.push(unmade(name, &error)),
            Err(_) => {}
        }
    }
    if faults.is_empty() { Ok(scorers) } else { Err(faults) }
}

/// A scorer that can't be made.
fn unmade(scenario: &Arc<str>, error: &ScorerError) -> ScorerFault {
    let (scorer, part) = match error {
        ScorerError::UnknownKind { name, .. } => (name, ScorerPart::Kind),
        ScorerError::Parameter { name, parameter, .. } => (name, ScorerPart::Parameter(parameter.clone())),
        ScorerError::SameName { name } => (name, ScorerPart::Whole),
    };
    ScorerFault {
        scenario: Arc::clone(scenario),
        scorer: scorer.as_str().into(),
        part,
        what: error.to_string(),
        help: None,
    }
}

/// A scorer that can't score an episode, which `help` names.
pub(crate) fn unsuitable(scenario: &Arc<str>, error: &ScoreError, help: String) -> ScorerFault {
    ScorerFault {
        scenario: Arc::clone(scenario),
        scorer: error.scorer().into(),
        part: ScorerPart::Whole,
        what: error.to_string(),
        help: Some(help),
    }
}
