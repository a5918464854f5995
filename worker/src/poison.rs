//! Requests that can't be answered, although nobody says so: the provider turns them away in the same way again and again,
//! and answers others of the same model meanwhile. "Too many" and "overloaded" use up nothing of a job's patience, so such a
//! request would come back for days. Here it ends: after a number of tries, over a stretch of time, beside many answers.
//!
//! One caller's own view, over all its jobs and their attempts; a job that moves on to other workers is known by each anew.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::classify::ErrorClass;

/// Tries of one request that failed in the same way.
const MIN_TRIES: u32 = 40;

/// Over so long: a throttled model's requests all fail alike for some minutes, and large ones longer than small ones.
const MIN_TIME: Duration = Duration::from_secs(30 * 60);

/// Other requests of the same model that were answered meanwhile.
const MIN_ANSWERED: u64 = 100;

/// Requests kept in mind; beyond that the one that failed least recently is forgotten. 1,000 episodes have one each.
const MAX_SUSPECTS: usize = 4_096;

/// A request, by its body.
type Fingerprint = [u8; 32];

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Poison {
    answered: AtomicU64,
    suspects: Mutex<BTreeMap<Fingerprint, Suspect>>,
}

/// What is known of a request that failed.
#[derive(Debug)]
struct Suspect {
    class: ErrorClass,
    tries: u32,
    since: Instant,
    last: Instant,
    answered_before: u64,
}

// === impl Poison ===

impl Poison {
    /// A request was answered.
    pub(crate) fn answered(&self, body: &[u8]) {
        self.answered.fetch_add(1, Ordering::Relaxed);
        let mut suspects = self.suspects.lock().unwrap_or_else(PoisonError::into_inner);
        if !suspects.is_empty() {
            suspects.remove(blake3::hash(body).as_bytes());
        }
    }

    /// A request failed: what there is against it, in words, if that is enough.
    pub(crate) fn failed(&self, body: &[u8], class: ErrorClass, now: Instant) -> Option<String> {
        if !matches!(class, ErrorClass::RateLimited | ErrorClass::Overloaded | ErrorClass::Transient) {
            return None;
        }
        let answered = self.answered.load(Ordering::Relaxed);
        let fresh = || Suspect { class, tries: 0, since: now, last: now, answered_before: answered };
        let fingerprint = *blake3::hash(body).as_bytes();
        let mut suspects = self.suspects.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut suspects, &fingerprint);
        let suspect = suspects.entry(fingerprint).or_insert_with(fresh);
        if suspect.class != class {
            *suspect = fresh();
        }
        suspect.tries = suspect.tries.saturating_add(1);
        suspect.last = now;
        let (others, time) = (answered - suspect.answered_before, now - suspect.since);
        let enough = suspect.tries >= MIN_TRIES && time >= MIN_TIME && others >= MIN_ANSWERED;
        enough.then(|| {
            let (tries, minutes) = (suspect.tries, time.as_secs() / 60);
            format!("this request alone failed {tries} times alike in {minutes} minutes, while {others} others of its model were answered")
        })
    }
}

fn make_room(suspects: &mut BTreeMap<Fingerprint, Suspect>, fingerprint: &Fingerprint) {
    if suspects.len() < MAX_SUSPECTS || suspects.contains_key(fingerprint) {
        return;
    }
    let oldest = suspects.iter().min_by_key(|(_, suspect)| suspect.last).map(|(fingerprint, _)| *fingerprint);
    if let Some(oldest) = oldest {
        suspects.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// One request that fails once a minute, for `minutes`, beside so many answers a minute; when it is found out.
    fn found_out(minutes: u32, answers: u32, class: impl Fn(u32) -> ErrorClass) -> Option<u32> {
        let (poison, begin) = (Poison::default(), Instant::now());
        (0..minutes).find(|minute| {
            (0..answers).for_each(|_| poison.answered(b"another"));
            poison.failed(b"this", class(*minute), begin + MINUTE * *minute).is_some()
        })
    }

    #[test]
    fn a_request_that_alone_fails_alike_is_found_out_after_forty_tries() {
        for class in [ErrorClass::RateLimited, ErrorClass::Overloaded, ErrorClass::Transient] {
            assert_eq!(found_out(100, 10, |_| class), Some(39));
        }
    }

    #[test]
    fn a_request_that_fails_with_all_others_is_no_poison() {
        assert_eq!(found_out(2_000, 0, |_| ErrorClass::RateLimited), None);
    }

    #[test]
    fn failures_of_different_kinds_are_no_pattern() {
        let mixed = |minute| if minute % 2 == 0 { ErrorClass::RateLimited } else { ErrorClass::Overloaded };
        assert_eq!(found_out(2_000, 10, mixed), None);
        assert_eq!(found_out(2_000, 10, |_| ErrorClass::Config), None);
    }

    #[test]
    fn quick_tries_alone_are_not_enough_and_an_answer_ends_the_suspicion() {
        let (poison, now) = (Poison::default(), Instant::now());
        for _ in 0..1_000 {
            poison.answered(b"another");
            assert_eq!(poison.failed(b"this", ErrorClass::RateLimited, now), None);
        }
        poison.answered(b"this");
        assert_eq!(poison.failed(b"this", ErrorClass::RateLimited, now + 60 * MINUTE), None);
    }

    #[test]
    fn a_flood_of_different_requests_takes_no_more_memory_than_its_bound() {
        let (poison, now) = (Poison::default(), Instant::now());
        for request in 0..MAX_SUSPECTS + 100 {
            poison.failed(&request.to_le_bytes(), ErrorClass::Overloaded, now + MINUTE);
        }
        assert_eq!(poison.suspects.lock().expect("suspects").len(), MAX_SUSPECTS);
    }
}
