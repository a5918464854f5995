//! Distributions over counts: the binomial and the hypergeometric. Tails are summed outwards from where they begin, term by
//! term, until terms no longer matter: that takes some standard deviations of steps, not the whole support.

use super::density;

/// Terms smaller than this share of their sum change no digit of it.
const NEGLIGIBLE: f64 = 1e-18;

/// A distribution over whole numbers whose probabilities rise to one mode and fall again.
pub(super) trait Discrete {
    /// The least and the greatest value that can be.
    fn support(&self) -> (u64, u64);
    /// The probability of a value in the support.
    fn mass(&self, x: u64) -> f64;
    /// `mass(x + 1) / mass(x)`, for `x` below the greatest.
    fn rise(&self, x: u64) -> f64;

    /// The first value at which the probabilities no longer rise.
    fn mode(&self) -> u64 {
        let (mut low, mut high) = self.support();
        while low < high {
            let middle = low + (high - low) / 2;
            if self.rise(middle) > 1.0 { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// The probability of `x` or less.
    fn at_most(&self, x: u64) -> f64 {
        let (least, greatest) = self.support();
        if x < least {
            0.0
        } else if x >= greatest {
            1.0
        } else if x < self.mode() {
            self.sum_down(x)
        } else {
            1.0 - self.sum_up(x + 1)
        }
    }

    /// The sum from `x` down to the least.
    fn sum_down(&self, x: u64) -> f64 {
        let (least, _) = self.support();
        let (mut term, mut sum, mut at) = (self.mass(x), 0.0, x);
        loop {
            sum += term;
            if at == least || term <= sum * NEGLIGIBLE {
                return sum;
            }
            at -= 1;
            term /= self.rise(at);
        }
    }

    /// The sum from `x` up to the greatest.
    fn sum_up(&self, x: u64) -> f64 {
        let (_, greatest) = self.support();
        let (mut term, mut sum, mut at) = (self.mass(x), 0.0, x);
        loop {
            sum += term;
            if at == greatest || term <= sum * NEGLIGIBLE {
                return sum;
            }
            term *= self.rise(at);
            at += 1;
        }
    }
}

/// Hits among `n` trials.
#[derive(Debug, Clone, Copy)]
pub(super) struct Binomial {
    pub(super) n: u64,
    pub(super) p: f64,
}

/// Hits among `drawn` of `hits + misses`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hypergeometric {
    pub(super) hits: u64,
    pub(super) misses: u64,
    pub(super) drawn: u64,
}

// === impl Binomial ===

impl Discrete for Binomial {
    fn support(&self) -> (u64, u64) {
        (0, self.n)
    }

    fn mass(&self, x: u64) -> f64 {
        density::binomial(x as f64, self.n as f64, self.p, 1.0 - self.p)
    }

    fn rise(&self, x: u64) -> f64 {
        (self.n - x) as f64 / (x + 1) as f64 * self.p / (1.0 - self.p)
    }
}

// === impl Hypergeometric ===

impl Discrete for Hypergeometric {
    fn support(&self) -> (u64, u64) {
        (self.drawn.saturating_sub(self.misses), self.drawn.min(self.hits))
    }

    fn mass(&self, x: u64) -> f64 {
        let (hits, misses, drawn) = (self.hits as f64, self.misses as f64, self.drawn as f64);
        let all = hits + misses;
        if self.drawn == 0 || self.drawn == self.hits + self.misses {
            return 1.0;
        }
        let (p, q) = (drawn / all, (all - drawn) / all);
        density::binomial(x as f64, hits, p, q) * density::binomial((self.drawn - x) as f64, misses, p, q)
            / density::binomial(drawn, all, p, q)
    }

    fn rise(&self, x: u64) -> f64 {
        let up = (self.hits - x) as f64 / (x + 1) as f64;
        up * (self.drawn - x) as f64 / (self.misses + x + 1 - self.drawn) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tails_of_every_value_add_up() {
        let hypergeometric = Hypergeometric { hits: 30, misses: 50, drawn: 40 };
        for x in 0..30 {
            let sum = hypergeometric.at_most(x) + hypergeometric.sum_up(x + 1);
            assert!((sum - 1.0).abs() < 1e-13, "{x}: {sum}");
        }
    }

    #[test]
    fn a_fair_coin_is_symmetric() {
        let coin = Binomial { n: 9, p: 0.5 };
        assert!((coin.at_most(4) - 0.5).abs() < 1e-13);
        assert!((coin.at_most(0) - 0.5_f64.powi(9)).abs() < 1e-18);
    }
}
