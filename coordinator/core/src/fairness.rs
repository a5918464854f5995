//! Deficit round robin: who is next. Every seat with work gets `weight` grants a round; one that has nothing for the
//! asking session is passed over, its share goes to the others, and it saves up nothing. Three rings lie inside each
//! other: projects (all alike), their sweeps (by weight), their lanes (all alike).

/// Seats around a table.
#[derive(Debug)]
pub(crate) struct Ring<K, V = ()> {
    seats: Vec<Seat<K, V>>,
    /// Whose turn it is.
    at: usize,
}

#[derive(Debug)]
struct Seat<K, V> {
    key: K,
    value: V,
    weight: u32,
    /// Grants left in this round.
    deficit: u32,
}

// === impl Ring ===

impl<K, V> Default for Ring<K, V> {
    fn default() -> Self {
        Self { seats: Vec::new(), at: 0 }
    }
}

impl<K: PartialEq, V> Ring<K, V> {
    /// Whether no one sits here.
    pub(crate) fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// Takes a seat just before the one whose turn it is: the last of this round.
    pub(crate) fn join(&mut self, key: K, weight: u32, value: V) {
        self.seats.insert(self.at, Seat { key, value, weight: weight.max(1), deficit: 0 });
        self.at = (self.at + 1) % self.seats.len();
    }

    /// Leaves; what was left of the round is lost.
    pub(crate) fn leave(&mut self, key: &K) {
        let Some(index) = self.seats.iter().position(|seat| seat.key == *key) else { return };
        self.seats.remove(index);
        if index < self.at {
            self.at -= 1;
        }
        if self.at >= self.seats.len() {
            self.at = 0;
        }
    }

    /// A seat's value.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.seats.iter_mut().find(|seat| seat.key == *key).map(|seat| &mut seat.value)
    }

    /// The seat whose turn it is.
    pub(crate) fn front(&self) -> Option<(&K, &V)> {
        self.seats.get(self.at).map(|seat| (&seat.key, &seat.value))
    }

    /// The seat whose turn it is spends one grant.
    pub(crate) fn spend_front(&mut self) {
        if self.seats.get_mut(self.at).is_some_and(Seat::spend) {
            self.advance();
        }
    }

    /// Serves the first seat, from the one whose turn it is, that `serve` gets something from. Where none has anything, it
    /// stays that seat's turn with what is left of its round: or a heavy seat would begin its round anew at each try.
    pub(crate) fn serve<T>(&mut self, mut serve: impl FnMut(&K, &mut V) -> Option<T>) -> Option<T> {
        let count = self.seats.len();
        for passed in 0..count {
            let index = (self.at + passed) % count;
            let seat = &mut self.seats[index];
            let Some(served) = serve(&seat.key, &mut seat.value) else { continue };
            if seat.spend() {
                self.served(index + 1, passed);
            } else {
                self.served(index, passed);
            }
            return Some(served);
        }
        None
    }

    /// It is that seat's turn now; those passed over before it have lost the rest of their round.
    fn served(&mut self, next: usize, passed: usize) {
        let count = self.seats.len();
        for step in 0..passed {
            let index = (self.at + step) % count;
            self.seats[index].deficit = 0;
        }
        self.at = next % count;
    }

    /// The seat of the lowest rank, the next in turn among equals, which is then passed. `rank` is told the best so
    /// far, and answers none for a seat that can't better it.
    pub(crate) fn best<R: Ord + Copy>(
        &mut self,
        lowest: R,
        mut rank: impl FnMut(&K, Option<R>) -> Option<R>,
    ) -> Option<(&K, R)> {
        let mut best: Option<(usize, R)> = None;
        for step in 0..self.seats.len() {
            let index = (self.at + step) % self.seats.len();
            if let Some(found) = rank(&self.seats[index].key, best.map(|(_, rank)| rank)) {
                best = Some((index, found));
                if found == lowest {
                    break;
                }
            }
        }
        let (index, rank) = best?;
        self.at = (index + 1) % self.seats.len();
        Some((&self.seats[index].key, rank))
    }

    fn advance(&mut self) {
        self.at = (self.at + 1) % self.seats.len();
    }
}

// === impl Seat ===

impl<K, V> Seat<K, V> {
    /// Spends one grant; whether that was the round's last.
    fn spend(&mut self) -> bool {
        if self.deficit == 0 {
            self.deficit = self.weight;
        }
        self.deficit -= 1;
        self.deficit == 0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn served(
        ring: &mut Ring<char>,
        rounds: usize,
        blocked: impl Fn(usize, char) -> bool,
    ) -> BTreeMap<char, usize> {
        let mut counts = BTreeMap::new();
        for round in 0..rounds {
            if let Some(key) = ring.serve(|key, ()| (!blocked(round, *key)).then_some(*key)) {
                *counts.entry(key).or_default() += 1;
            }
        }
        counts
    }

    fn abc() -> Ring<char> {
        let mut ring = Ring::default();
        ring.join('a', 1, ());
        ring.join('b', 1, ());
        ring.join('c', 2, ());
        ring
    }

    #[test]
    fn weights_of_one_one_two_get_a_quarter_a_quarter_and_a_half() {
        let counts = served(&mut abc(), 400, |_, _| false);
        assert_eq!(counts, BTreeMap::from([('a', 100), ('b', 100), ('c', 200)]));
    }

    #[test]
    fn a_blocked_seat_lends_its_share_and_saves_up_nothing() {
        let mut ring = abc();
        let blocked = served(&mut ring, 300, |_, key| key == 'c');
        assert_eq!(blocked, BTreeMap::from([('a', 150), ('b', 150)]));
        let after = served(&mut ring, 400, |_, _| false);
        assert!((198..=202).contains(&after[&'c']), "{after:?}");
    }

    #[test]
    fn a_try_that_serves_nobody_does_not_begin_a_round_anew() {
        let mut ring = abc();
        let mut counts = BTreeMap::new();
        for _ in 0..400 {
            if let Some(key) = ring.serve(|key, ()| Some(*key)) {
                *counts.entry(key).or_default() += 1;
            }
            assert_eq!(ring.serve(|_, ()| None::<char>), None);
        }
        assert_eq!(counts, BTreeMap::from([('a', 100), ('b', 100), ('c', 200)]));
    }

    #[test]
    fn leaving_and_joining_never_skips_a_neighbour() {
        let mut ring = abc();
        assert_eq!(ring.serve(|key, ()| Some(*key)), Some('a'));
        ring.leave(&'a');
        assert_eq!(ring.serve(|key, ()| Some(*key)), Some('b'));
        ring.join('d', 1, ());
        assert_eq!(ring.serve(|key, ()| Some(*key)), Some('c'));
        ring.leave(&'c');
        ring.leave(&'b');
        ring.leave(&'d');
        assert!(ring.is_empty());
        assert_eq!(ring.serve(|key, ()| Some(*key)), None);
    }

    #[test]
    fn the_lowest_rank_goes_first_and_equals_take_turns() {
        let mut ring = abc();
        let ranks = |key: &char, best: Option<u8>| {
            let rank = if *key == 'c' { 0 } else { 1 };
            best.is_none_or(|best| rank < best).then_some(rank)
        };
        assert_eq!(ring.best(0, ranks), Some((&'c', 0)));
        let equal = |_: &char, best: Option<u8>| best.is_none().then_some(1);
        let order: Vec<char> = (0..4).filter_map(|_| ring.best(0, equal).map(|(key, _)| *key)).collect();
        assert_eq!(order, vec!['a', 'b', 'c', 'a']);
    }
}
