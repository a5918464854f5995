//! Reasoning that has to come back unchanged. The fake keeps nothing between requests: what a turn carried is told by the
//! ids of its calls and by signatures, both of which are made with a key and can be checked.
//!
//! An id is 14 hex digits of the turn, 2 of the call's place, 4 that mark it as ours, and 4 that depend on the reasoning
//! that came with it. An id that is not ours belongs to a history from elsewhere, of which nothing is demanded.

use std::hash::{DefaultHasher, Hasher as _};

use crate::fault::mix;

/// What signatures and ids are keyed with. Not a secret: no one but our own tests would forge them.
const KEY: u64 = 0x6d75_7374_6572_2031;

/// Stands before every signature: both signs that differ between base64's two alphabets are in it, and its length keeps
/// the whole one of base64's, so that whoever decodes and encodes it gets it back.
const PREFIX: &str = "Ev+/";

/// A turn's number: of 56 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn(u64);

/// What an id says of what came with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Echo {
    /// Not our id.
    Foreign,
    /// The turn's reasoning is as it was, or as absent as it was.
    Sound(Turn),
    /// It came with reasoning, or with other reasoning.
    Broken(Turn),
}

// === impl Turn ===

impl Turn {
    /// The turn that answers the request of this hash.
    pub(crate) fn of(hash: u64) -> Self {
        Self(mix(hash) >> 8)
    }

    /// The id of a turn's call or message at a place, which came with this reasoning.
    pub(crate) fn id(self, place: usize, reasoning: Option<&str>) -> String {
        let place = u8::try_from(place).unwrap_or(u8::MAX);
        let echo = self.echo(place, reasoning);
        format!("{:014x}{place:02x}{:04x}{echo:04x}", self.0, self.mark())
    }

    /// What stands for the turn as a whole: 24 hex digits.
    pub(crate) fn name(self) -> String {
        let tail = keyed(&[self.0, 1], "") >> 24;
        format!("{:014x}{tail:010x}", self.0)
    }

    /// A signature over some content by a model.
    pub(crate) fn sign(self, model: &str, content: &str) -> String {
        let first = keyed(&[self.0, 2], model);
        let second = keyed(&[self.0, first], content);
        format!("{PREFIX}{:016x}{first:016x}{second:016x}", self.0)
    }

    /// The turn of a signature, if it is one over this content by this model.
    pub(crate) fn signed(signature: &str, model: &str, content: &str) -> Option<Self> {
        let plain: String = signature.trim_end_matches('=').chars().map(plain).collect();
        let turn = plain.strip_prefix(PREFIX)?.get(..16)?;
        let turn = Self(u64::from_str_radix(turn, 16).ok()?);
        (turn.sign(model, content) == plain).then_some(turn)
    }

    fn mark(self) -> u16 {
        (keyed(&[self.0, 3], "") & 0xffff) as u16
    }

    fn echo(self, place: u8, reasoning: Option<&str>) -> u16 {
        let presence = u64::from(reasoning.is_some());
        (keyed(&[self.0, u64::from(place), presence], reasoning.unwrap_or_default()) & 0xffff) as u16
    }
}

// === impl Echo ===

impl Echo {
    /// Judge the reasoning that came back with an id.
    pub(crate) fn of(id: &str, reasoning: Option<&str>) -> Self {
        let Some(parts) = Parts::read(id) else { return Self::Foreign };
        if parts.echo == parts.turn.echo(parts.place, reasoning) {
            Self::Sound(parts.turn)
        } else {
            Self::Broken(parts.turn)
        }
    }
}

/// An id of ours, taken apart.
struct Parts {
    turn: Turn,
    place: u8,
    echo: u16,
}

// === impl Parts ===

impl Parts {
    fn read(id: &str) -> Option<Self> {
        let id = id.rsplit_once('_').map_or(id, |(_, id)| id);
        if id.len() != 24 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let turn = Turn(u64::from_str_radix(&id[..14], 16).ok()?);
        let place = u8::from_str_radix(&id[14..16], 16).ok()?;
        let mark = u16::from_str_radix(&id[16..20], 16).ok()?;
        let echo = u16::from_str_radix(&id[20..], 16).ok()?;
        (mark == turn.mark()).then_some(Self { turn, place, echo })
    }
}

/// Whether a call came with reasoning, by its id: none if the id is not ours.
pub(crate) fn turn_of(id: &str) -> Option<Turn> {
    Parts::read(id).map(|parts| parts.turn)
}

fn keyed(numbers: &[u64], text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_u64(KEY);
    numbers.iter().for_each(|number| hasher.write_u64(*number));
    hasher.write(text.as_bytes());
    hasher.finish()
}

fn plain(sign: char) -> char {
    match sign {
        '-' => '+',
        '_' => '/',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_knows_the_reasoning_that_it_came_with() {
        let turn = Turn::of(7);
        let id = format!("call_{}", turn.id(0, Some("I wonder")));
        assert_eq!(Echo::of(&id, Some("I wonder")), Echo::Sound(turn));
        for other in [None, Some(""), Some("I wonder."), Some("i wonder")] {
            assert_eq!(Echo::of(&id, other), Echo::Broken(turn));
        }
        let none = turn.id(0, None);
        assert_eq!(Echo::of(&none, None), Echo::Sound(turn));
        assert_eq!(Echo::of(&none, Some("")), Echo::Broken(turn));
    }

    #[test]
    fn ids_from_elsewhere_are_not_judged() {
        for id in
            ["", "call_1", "call_0123456789abcdef01234567", "toolu_zzzzzzzzzzzzzzzzzzzzzzzz", "ÿÿÿÿÿÿÿÿÿÿÿÿ"]
        {
            assert_eq!(Echo::of(id, None), Echo::Foreign, "{id}");
        }
    }

    #[test]
    fn the_calls_of_a_turn_have_different_ids_and_one_turn() {
        let ids: std::collections::BTreeSet<String> =
            (0..200).map(|place| Turn::of(1).id(place, None)).collect();
        assert_eq!(ids.len(), 200);
        assert!(ids.iter().all(|id| turn_of(id) == Some(Turn::of(1))));
    }

    #[test]
    fn a_signature_holds_for_its_content_and_model_alone_in_either_alphabet() {
        let signature = Turn::of(9).sign("sim/a", "because");
        assert_eq!(signature.len() % 4, 0);
        assert_eq!(Turn::signed(&signature, "sim/a", "because"), Some(Turn::of(9)));
        let other_alphabet = signature.replace('+', "-").replace('/', "_");
        assert_eq!(Turn::signed(&other_alphabet, "sim/a", "because"), Some(Turn::of(9)));
        assert_eq!(Turn::signed(&signature, "sim/b", "because"), None);
        assert_eq!(Turn::signed(&signature, "sim/a", "because!"), None);
        assert_eq!(Turn::signed(&signature[..40], "sim/a", "because"), None);
        assert_eq!(Turn::signed("Ev+/ÿÿÿÿÿÿÿÿÿÿ", "sim/a", "because"), None);
    }
}
