//! The binomial probability of real arguments, without loss of digits.
//!
//! Differences of logarithms of factorials lose all digits at large counts, so the probability is written by deviances and
//! Stirling's error. Reference: C. Loader, "Fast and accurate computation of binomial probabilities" (2000).

use std::f64::consts::TAU;

use statrs::function::gamma::ln_gamma;

/// From here on four terms of Stirling's series are exact to the last digit.
const SERIES_FROM: f64 = 16.0;

/// `G(n+1) / (G(x+1) G(n-x+1)) p^x q^(n-x)` for 0 <= x <= n, with `p + q = 1` given apart so that neither loses digits.
pub(super) fn binomial(x: f64, n: f64, p: f64, q: f64) -> f64 {
    let rest = n - x;
    if p <= 0.0 || q <= 0.0 {
        return if (p <= 0.0 && x == 0.0) || (q <= 0.0 && rest == 0.0) { 1.0 } else { 0.0 };
    }
    if x == 0.0 {
        return (n * ln_of(q, p)).exp();
    }
    if rest == 0.0 {
        return (n * ln_of(p, q)).exp();
    }
    let exponent = stirling_error(n)
        - stirling_error(x)
        - stirling_error(rest)
        - deviance(x, n * p)
        - deviance(rest, n * q);
    (n / (TAU * x * rest)).sqrt() * exponent.exp()
}

/// `ln(p)`, where `q = 1 - p` is known better when small.
fn ln_of(p: f64, q: f64) -> f64 {
    if q < 0.5 { (-q).ln_1p() } else { p.ln() }
}

/// `ln(x!)` less Stirling's approximation of it.
pub(super) fn stirling_error(x: f64) -> f64 {
    if x < SERIES_FROM {
        return ln_gamma(x + 1.0) - (x + 0.5) * x.ln() + x - 0.5 * TAU.ln();
    }
    let square = x * x;
    let tail = (1.0 / 1260.0 - (1.0 / 1680.0 - (1.0 / 1188.0) / square) / square) / square;
    (1.0 / 12.0 - (1.0 / 360.0 - tail) / square) / x
}

/// `x ln(x/m) + m - x`, which is tiny where `x` is near `m`.
fn deviance(x: f64, m: f64) -> f64 {
    let gap = x - m;
    if gap.abs() >= 0.1 * (x + m) {
        return x * (x / m).ln() - gap;
    }
    let v = gap / (x + m);
    let (mut sum, mut term, square) = (gap * v, 2.0 * x * v, v * v);
    for k in 1..1000 {
        term *= square;
        let next = sum + term / f64::from(2 * k + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_add_up_to_one_at_any_size() {
        for n in [1_u32, 2, 17, 300, 20_000] {
            let sum: f64 = (0..=n).map(|x| binomial(f64::from(x), f64::from(n), 0.3, 0.7)).sum();
            assert!((sum - 1.0).abs() < 1e-12, "{n}: {sum}");
        }
    }

    #[test]
    fn a_certain_outcome_has_probability_one() {
        assert_eq!(binomial(0.0, 5.0, 0.0, 1.0), 1.0);
        assert_eq!(binomial(5.0, 5.0, 1.0, 0.0), 1.0);
        assert_eq!(binomial(3.0, 5.0, 1.0, 0.0), 0.0);
    }
}
