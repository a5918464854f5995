//! Reference players: they play a model's part by a scenario's own script, so that a demo, a test or a dry run needs no
//! model and no key. A player sees what a provider sees, the conversation of one request, and is stateless.

mod dice;
mod name;
mod opening;
mod openings;
mod playbook;
mod probe;
mod read;
mod rehearsal;
mod script;
mod words;

pub use name::PlayerName;
pub use playbook::{Action, Conversation, PlayError, Playbook, Said, SaidCall};
pub(crate) use read::read_player;
pub(crate) use rehearsal::{Rehearsal, Stumble, rehearse};
pub(crate) use script::{Cast, Player};
