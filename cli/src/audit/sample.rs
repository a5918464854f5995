//! Episodes drawn at random: each has a number from the seed and its address, and the smallest are taken. So a larger
//! sample holds the smaller one, and nothing has to be kept of the others.

use std::collections::BinaryHeap;

use muster_proto::v1;
use muster_scoring::statistics::Random;

use super::questions;
use crate::address::JobAddress;
use crate::client::Client;
use crate::dossier::{Dossier, Ended};
use crate::episodes::{Episodes, Read};
use crate::failure::Failure;

/// One episode drawn. In order of its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Drawn {
    number: u64,
    pub(super) job: JobAddress,
    pub(super) generation: u32,
}

/// See the module.
pub(super) struct Sample(Vec<Drawn>);

// === impl Sample ===

impl Sample {
    /// Draws among the episodes with a result that a person can be asked about.
    pub(super) async fn draw(
        client: &Client,
        dossier: &Dossier,
        size: usize,
        seed: u64,
    ) -> Result<Self, Failure> {
        let request =
            v1::ExportRequest { sweep: dossier.sweep.id, newest: true, ..v1::ExportRequest::default() };
        let mut episodes = Episodes::begin(client, request).await?;
        let mut smallest = BinaryHeap::new();
        while let Some(Read::Whole(ended) | Read::Damaged(ended, _)) = episodes.next().await? {
            if ended.is_result() && !questions(dossier, &ended).is_empty() {
                smallest.push(Drawn::of(&ended, seed));
            }
            if smallest.len() > size {
                smallest.pop();
            }
        }
        Ok(Self(smallest.into_sorted_vec()))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Drawn> {
        self.0.iter()
    }
}

// === impl Drawn ===

impl Drawn {
    fn of(ended: &Ended, seed: u64) -> Self {
        Self { number: number(seed, ended.job), job: ended.job, generation: ended.generation }
    }
}

/// A number for an address, as random as the generator: each part of it is stirred in by itself.
fn number(seed: u64, job: JobAddress) -> u64 {
    let stir = |state: u64, part: u64| Random::new(state ^ part).bits();
    [job.sweep, u64::from(job.lane), job.ordinal].into_iter().fold(Random::new(seed).bits(), stir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_every_time_and_every_place_alike() {
        let job = |lane, ordinal| JobAddress { sweep: 1, lane, ordinal };
        assert_eq!(number(7, job(0, 3)), number(7, job(0, 3)));
        assert_ne!(number(7, job(0, 3)), number(8, job(0, 3)));
        // Of two lanes of 1,000 jobs, the 500 smallest numbers are spread over both and over each.
        let mut all: Vec<(u64, u32, u64)> = (0..2)
            .flat_map(|lane| (0..1_000).map(move |ordinal| (number(7, job(lane, ordinal)), lane, ordinal)))
            .collect();
        all.sort_unstable();
        let drawn = &all[..500];
        for part in [
            drawn.iter().filter(|(_, lane, _)| *lane == 0).count(),
            drawn.iter().filter(|(_, _, ordinal)| *ordinal < 500).count(),
        ] {
            assert!((200..300).contains(&part), "{part}");
        }
    }
}
