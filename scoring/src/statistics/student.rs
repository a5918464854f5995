//! Student's t: tails and quantiles.

use statrs::distribution::{ContinuousCDF as _, Normal};

use super::beta;

/// From here on the expansion in `1 / freedom` is exact to the last digit, and the beta function needs ever more steps.
const EXPANSION_FROM: f64 = 2_000.0;

/// How likely a value at least as far from 0 as `t` is, to either side.
pub(super) fn both_tails(t: f64, freedom: f64) -> f64 {
    if t.is_nan() || t == 0.0 {
        return 1.0;
    }
    if freedom > EXPANSION_FROM {
        return 2.0 * Normal::standard().sf(normal_of(t.abs(), freedom));
    }
    let whole = freedom + t * t;
    if whole.is_infinite() {
        return 0.0;
    }
    beta::regularised(freedom / 2.0, 0.5, freedom / whole, t * t / whole)
}

/// The `t` that both tails beyond have the probability `both` of.
pub(super) fn quantile(both: f64, freedom: f64) -> f64 {
    let normal = -Normal::standard().inverse_cdf(both / 2.0);
    if freedom > EXPANSION_FROM {
        return of_normal(normal, freedom);
    }
    // The t is farther out than the normal; with one degree of freedom it is `1 / tan`, which bounds it from above.
    let cauchy = 1.0 / (std::f64::consts::FRAC_PI_2 * both).tan();
    let (mut low, mut high) = (normal.max(0.0) * (1.0 - 1e-12), cauchy.max(normal) * (1.0 + 1e-9) + 1e-12);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if both_tails(middle, freedom) > both {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The t that stands where the normal's `z` does: Cornish and Fisher's expansion, Abramowitz and Stegun 26.7.5.
fn of_normal(z: f64, freedom: f64) -> f64 {
    let s = z * z;
    let first = z * (s + 1.0) / 4.0;
    let second = z * ((5.0 * s + 16.0) * s + 3.0) / 96.0;
    let third = z * (((3.0 * s + 19.0) * s + 17.0) * s - 15.0) / 384.0;
    let fourth = z * ((((79.0 * s + 776.0) * s + 1482.0) * s - 1920.0) * s - 945.0) / 92_160.0;
    z + (first + (second + (third + fourth / freedom) / freedom) / freedom) / freedom
}

/// The normal's value that stands where `t` does.
fn normal_of(t: f64, freedom: f64) -> f64 {
    // Far out, where no digit of the probability is left, the expansion does not hold: the farthest stands for all.
    let (mut low, mut high) = (0.0, t.min(40.0));
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if of_normal(middle, freedom) < t {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_ways_to_a_tail_meet_where_they_change_over() {
        let below = both_tails(2.3, EXPANSION_FROM);
        let above = both_tails(2.3, EXPANSION_FROM * (1.0 + 1e-12));
        assert!((below - above).abs() < 1e-12, "{below} {above}");
    }

    #[test]
    fn one_degree_of_freedom_is_cauchy() {
        assert!((quantile(0.05, 1.0) - 12.706_204_736_432_095).abs() < 1e-9);
        assert!((both_tails(1.0, 1.0) - 0.5).abs() < 1e-14);
    }
}
