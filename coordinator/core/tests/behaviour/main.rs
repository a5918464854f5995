//! How the core behaves, seen from outside: incidents by name, a naive model, recovery, hostile input, fairness.

mod budgets;
mod deaths;
mod fair_share;
mod fleet;
mod hostile;
mod incidents;
mod limits;
mod model;
mod quotas;
mod recovery;
mod rig;
mod script;
mod silences;
mod users;
