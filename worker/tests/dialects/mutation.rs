//! Damage to answers, the same in every run: a frozen corpus, cut at every byte, and then at random from a fixed seed.

use std::ops::Range;
use std::path::PathBuf;

use muster_worker::DialectKind;
use serde::de::IgnoredAny;

use crate::echo::Echo;
use crate::fixture::Fixture;

/// Random mutations of each dialect.
const MUTATIONS: usize = 50_000;

/// What may stand in a value's place.
const VALUES: &[&str] = &[
    "null",
    "[]",
    "{}",
    "[null]",
    "{\"\":0}",
    "\"\"",
    "\"\\ud83d\"",
    "\"\\u0000\"",
    "true",
    "7",
    "-1",
    "1e400",
    "[[[[[[]]]]]]",
];

/// What may stand anywhere.
const PIECES: &[&str] = &[
    ",",
    ":",
    "\"",
    "\\",
    "[",
    "]",
    "{",
    "}",
    "\n",
    "\u{feff}",
    ": x\n",
    "\"id\":\"\",",
    "\"type\":null,",
    "\"content\":[],",
    "\"text\":7,",
    "\"error\":null,",
    "\"arguments\":{},",
    "[[[[[[[[",
    "\u{1f600}",
];

/// Draws numbers (SplitMix64).
struct Draw(u64);

// === impl Draw ===

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// The frozen answers of a dialect: the corpus, and what is answered in the conversations.
fn seeds(kind: DialectKind) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus").join(kind.name());
    let entries = std::fs::read_dir(&folder).expect("the corpus");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("entry").path()).collect();
    files.sort();
    let mut seeds: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).expect("seed")).collect();
    for fixture in Fixture::all().into_iter().filter(|fixture| fixture.dialect == kind.name()) {
        seeds.extend(fixture.turns.iter().map(|turn| turn.answer.get().as_bytes().to_vec()));
    }
    seeds
}

/// One to four kinds of damage, one after the other; in most answers only to whole values, so that they stay JSON.
fn damaged(draw: &mut Draw, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut answer = draw.of(seeds).clone();
    let rough = draw.below(4) == 0;
    for _ in 0..=draw.below(4) {
        if rough { break_bytes(draw, seeds, &mut answer) } else { swap_value(draw, seeds, &mut answer) }
    }
    answer
}

/// Another value in a value's place: a made one, or one of another answer.
fn swap_value(draw: &mut Draw, seeds: &[Vec<u8>], answer: &mut Vec<u8>) {
    let place = value(answer, draw.below(answer.len() + 1));
    let other = draw.of(seeds);
    let donor = &other[value(other, draw.below(other.len() + 1))];
    let new = if draw.below(2) == 0 && !donor.is_empty() { donor } else { draw.of(VALUES).as_bytes() };
    answer.splice(place, new.iter().copied());
}

fn break_bytes(draw: &mut Draw, seeds: &[Vec<u8>], answer: &mut Vec<u8>) {
    let (at, to) = (draw.below(answer.len() + 1), draw.below(answer.len() + 1));
    let (at, to) = (at.min(to), at.max(to));
    let short = at..to.min(at + draw.below(24));
    match draw.below(6) {
        0 if at < to => answer[at] ^= 1 << draw.below(8),
        1 => answer.truncate(to),
        2 => drop(answer.drain(short)),
        3 => {
            let again = answer[short].to_vec();
            answer.splice(at..at, again);
        }
        4 => {
            let other = draw.of(seeds);
            answer.truncate(at);
            answer.extend_from_slice(&other[draw.below(other.len() + 1)..]);
        }
        _ => drop(answer.splice(at..at, draw.of(PIECES).bytes())),
    }
}

/// Where the first value is that begins after a colon, a bracket or a comma at or after a place; empty if none is.
fn value(answer: &[u8], from: usize) -> Range<usize> {
    let mark = answer[from..].iter().position(|byte| b":[,".contains(byte));
    let begin = mark.map_or(answer.len(), |mark| from + mark + 1);
    let mut values = serde_json::Deserializer::from_slice(&answer[begin..]).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Ok(_)) => begin..begin + values.byte_offset(),
        _ => begin..begin,
    }
}

fn mutate(kind: DialectKind) {
    let (echo, seeds) = (Echo::new(kind), seeds(kind));
    for seed in &seeds {
        for end in 0..=seed.len() {
            let _ = echo.survive(&seed[..end]);
        }
    }
    let mut draw = Draw(kind.name().len() as u64);
    let read = (0..MUTATIONS).filter(|_| echo.survive(&damaged(&mut draw, &seeds)).is_ok()).count();
    // Else it is only the first byte of the parser that is tried.
    assert!(read > MUTATIONS / 10, "only {read} mutations of {kind} could be read");
}

#[test]
fn no_damage_to_an_answer_of_responses_panics_or_changes_what_goes_back() {
    mutate(DialectKind::OpenAiResponses);
}

#[test]
fn no_damage_to_an_answer_of_chat_panics_or_changes_what_goes_back() {
    mutate(DialectKind::OpenAiChat);
}

#[test]
fn no_damage_to_an_answer_of_messages_panics_or_changes_what_goes_back() {
    mutate(DialectKind::AnthropicMessages);
}

#[test]
fn no_damage_to_an_answer_of_gemini_panics_or_changes_what_goes_back() {
    mutate(DialectKind::Gemini);
}
