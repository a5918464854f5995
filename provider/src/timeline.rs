//! When calls began and what became of them: the judge of benchmarks. Whole seconds of each model, and the last 100,000
//! calls one by one.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::Serialize;

use crate::json::json;
use crate::ledger::{ModelStats, Served, micro};

/// Calls kept one by one: 40 bytes each, so 4 MB.
const MAX_CALLS: usize = 100_000;

/// Models told apart; the rest are told together as `(others)`.
const MAX_MODELS: usize = 256;

/// Seconds kept of a model, the newest: 80 bytes each, so 150 MB if every model was busy for two hours.
const MAX_SECONDS: usize = 7_200;

const OTHERS: &str = "(others)";

/// A call that is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event<'a> {
    /// The model, by the name that it is counted under.
    pub(crate) model: &'a str,
    /// Since the start of the provider.
    pub(crate) began: Duration,
    pub(crate) status: u16,
    /// What was answered.
    pub(crate) served: Option<Served<'a>>,
}

/// All that is remembered of when.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    names: Vec<String>,
    tracks: Vec<Track>,
    calls: VecDeque<Call>,
}

#[derive(Debug, Default)]
struct Track {
    total: ModelStats,
    pico_dollars: u128,
    /// The second of the first row.
    first_s: u64,
    seconds: VecDeque<Second>,
}

/// Of the calls that began in one second.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Second {
    requests: u32,
    answered: u32,
    rate_limited: u32,
    input_tokens: u64,
    cached_tokens: u64,
    output_tokens: u64,
    held_tokens: u64,
    pico_dollars: u128,
}

#[derive(Debug, Clone, Copy)]
struct Call {
    began_us: u64,
    model: u16,
    status: u16,
    input_tokens: u64,
    output_tokens: u64,
}

// === impl Timeline ===

impl Timeline {
    pub(crate) fn note(&mut self, event: &Event<'_>) {
        let place = self.place(event.model);
        let (input_tokens, output_tokens) =
            event.served.map_or((0, 0), |served| (served.input_tokens, served.output_tokens));
        if self.calls.len() >= MAX_CALLS {
            self.calls.pop_front();
        }
        self.calls.push_back(Call {
            began_us: u64::try_from(event.began.as_micros()).unwrap_or(u64::MAX),
            model: u16::try_from(place).unwrap_or(u16::MAX),
            status: event.status,
            input_tokens,
            output_tokens,
        });
        if let Some(track) = self.tracks.get_mut(place) {
            track.note(event);
        }
    }

    /// Each model's sums.
    pub(crate) fn models(&self) -> BTreeMap<String, ModelStats> {
        let sums = self
            .tracks
            .iter()
            .map(|track| ModelStats { micro_dollars: micro(track.pico_dollars), ..track.total });
        self.names.iter().cloned().zip(sums).collect()
    }

    /// `{"MODEL": [{"second": 0, "requests": 1, ...}, ...], ...}`, without empty seconds.
    pub(crate) fn seconds(&self, model: Option<&str>) -> Vec<u8> {
        let wanted = self.names.iter().zip(&self.tracks);
        let wanted = wanted.filter(|(name, _)| model.is_none_or(|model| model == *name));
        let rows: BTreeMap<&String, Vec<Row>> = wanted.map(|(name, track)| (name, track.rows())).collect();
        let mut body = Vec::new();
        json(&mut body, &rows);
        body
    }

    /// `{"models": [...], "calls": [[began_ms, model's place, status, input tokens, output tokens], ...]}`, in the order in
    /// which they ended.
    pub(crate) fn calls(&self, model: Option<&str>, since: Duration) -> Vec<u8> {
        let since_us = u64::try_from(since.as_micros()).unwrap_or(u64::MAX);
        let place = model.map(|model| self.names.iter().position(|name| name == model));
        let wanted = |call: &&Call| {
            call.began_us >= since_us && place.is_none_or(|place| place == Some(usize::from(call.model)))
        };
        let mut body = b"{\"models\":".to_vec();
        json(&mut body, &self.names);
        body.extend_from_slice(b",\"calls\":[");
        for (index, call) in self.calls.iter().filter(wanted).enumerate() {
            if index > 0 {
                body.push(b',');
            }
            let began_ms = call.began_us as f64 / 1_000.0;
            json(&mut body, &(began_ms, call.model, call.status, call.input_tokens, call.output_tokens));
        }
        body.extend_from_slice(b"]}");
        body
    }

    fn place(&mut self, model: &str) -> usize {
        if let Some(place) = self.names.iter().position(|name| name == model) {
            return place;
        }
        if self.names.len() > MAX_MODELS {
            return MAX_MODELS;
        }
        let name = if self.names.len() == MAX_MODELS { OTHERS } else { model };
        self.names.push(name.to_owned());
        self.tracks.push(Track::default());
        self.names.len() - 1
    }
}

/// A second, as it is told.
#[derive(Serialize)]
struct Row {
    second: u64,
    #[serde(flatten)]
    counts: Second,
}

// === impl Track ===

impl Track {
    fn note(&mut self, event: &Event<'_>) {
        let total = &mut self.total;
        total.requests += 1;
        total.rate_limited += u64::from(event.status == 429);
        if let Some(served) = &event.served {
            total.answered += 1;
            total.input_tokens += served.input_tokens;
            total.cached_tokens += served.cached_tokens;
            total.output_tokens += served.output_tokens;
            total.held_tokens += served.held_tokens;
            self.pico_dollars += served.pico_dollars;
        }
        if let Some(second) = self.second(event.began.as_secs()) {
            second.note(event);
        }
    }

    /// The row of a second; none if it is too long ago.
    fn second(&mut self, at_s: u64) -> Option<&mut Second> {
        if self.seconds.is_empty() || at_s >= self.first_s + (self.seconds.len() + MAX_SECONDS) as u64 {
            self.seconds.clear();
            self.first_s = at_s;
        }
        // A call that ends late may have begun before the first that ended.
        while at_s < self.first_s && self.seconds.len() < MAX_SECONDS {
            self.seconds.push_front(Second::default());
            self.first_s -= 1;
        }
        let place = usize::try_from(at_s.checked_sub(self.first_s)?).ok()?;
        while self.seconds.len() <= place {
            self.seconds.push_back(Second::default());
        }
        let spare = self.seconds.len().saturating_sub(MAX_SECONDS);
        self.seconds.drain(..spare);
        self.first_s += spare as u64;
        self.seconds.get_mut(place - spare)
    }

    fn rows(&self) -> Vec<Row> {
        let rows = (self.first_s..).zip(&self.seconds);
        rows.filter(|(_, counts)| counts.requests > 0)
            .map(|(second, counts)| Row { second, counts: *counts })
            .collect()
    }
}

// === impl Second ===

impl Second {
    fn note(&mut self, event: &Event<'_>) {
        self.requests += 1;
        self.rate_limited += u32::from(event.status == 429);
        if let Some(served) = &event.served {
            self.answered += 1;
            self.input_tokens += served.input_tokens;
            self.cached_tokens += served.cached_tokens;
            self.output_tokens += served.output_tokens;
            self.held_tokens += served.held_tokens;
            self.pico_dollars += served.pico_dollars;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn event(model: &str, began_ms: u64, status: u16) -> Event<'_> {
        let served = Served {
            model,
            hash: 1,
            input_tokens: 10,
            output_tokens: 2,
            cached_tokens: 4,
            held_tokens: 100,
            pico_dollars: 5,
        };
        Event {
            model,
            began: Duration::from_millis(began_ms),
            status,
            served: (status == 200).then_some(served),
        }
    }

    fn read(body: &[u8]) -> Value {
        serde_json::from_slice(body).expect("JSON")
    }

    #[test]
    fn every_call_is_in_the_second_in_which_it_began_however_late_it_ended() {
        let mut timeline = Timeline::default();
        for (model, began_ms, status) in
            [("a", 5_100, 200), ("a", 3_900, 200), ("b", 5_000, 429), ("a", 5_999, 429)]
        {
            timeline.note(&event(model, began_ms, status));
        }
        let seconds = read(&timeline.seconds(None));
        let of_a: Vec<(u64, u64, u64)> = seconds["a"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| {
                ["second", "requests", "rate_limited"].map(|name| row[name].as_u64().expect("a count")).into()
            })
            .collect();
        assert_eq!(of_a, [(3, 1, 0), (5, 2, 1)]);
        assert_eq!(seconds["a"][1]["held_tokens"], 100);
        assert_eq!(timeline.models()["a"].requests, 3);
        assert_eq!(read(&timeline.seconds(Some("b"))).as_object().expect("an object").len(), 1);
    }

    #[test]
    fn the_last_calls_are_told_one_by_one() {
        let mut timeline = Timeline::default();
        (0..MAX_CALLS as u64 + 5).for_each(|n| timeline.note(&event("a", n, 200)));
        let all = read(&timeline.calls(None, Duration::ZERO));
        assert_eq!(all["calls"].as_array().expect("calls").len(), MAX_CALLS);
        assert_eq!(all["calls"][0], serde_json::json!([5.0, 0, 200, 10, 2]));
        let late = read(&timeline.calls(Some("a"), Duration::from_millis(MAX_CALLS as u64)));
        assert_eq!(late["calls"].as_array().expect("calls").len(), 5);
        assert!(
            read(&timeline.calls(Some("nobody"), Duration::ZERO))["calls"]
                .as_array()
                .expect("calls")
                .is_empty()
        );
    }

    #[test]
    fn endless_models_and_seconds_have_their_bounds() {
        let mut timeline = Timeline::default();
        (0..2_000_u64).for_each(|n| timeline.note(&event(&n.to_string(), 0, 200)));
        assert_eq!(timeline.names.len(), MAX_MODELS + 1);
        assert_eq!(timeline.models()[OTHERS].requests, 2_000 - MAX_MODELS as u64);
        let mut track = Track::default();
        for second in [0, 7_199, 7_205, 3, 20_000, u64::MAX / 2] {
            track.note(&event("a", second.saturating_mul(1_000), 200));
            assert!(track.seconds.len() <= MAX_SECONDS);
        }
        assert_eq!(track.total.requests, 6);
    }
}
