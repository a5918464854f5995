//! The regularised incomplete beta function and its inverse. The crate's own stops its continued fraction after 140 steps
//! and takes its factor from differences of `ln_gamma`: right for small arguments, wrong in the sixth digit for those of a
//! whole sweep.

use super::density;

/// The fraction needs about the square root of the larger argument; this is far beyond it.
const STEPS_MAX: u32 = 100_000;

/// `I_x(a, b)` for `a, b > 0`, with `x + y = 1`.
pub(super) fn regularised(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if y <= 0.0 {
        return 1.0;
    }
    let density = density::binomial(a, a + b, x, y);
    if x < (a + 1.0) / (a + b + 2.0) {
        density * b / (a + b) * fraction(a, b, x)
    } else {
        1.0 - density * a / (a + b) * fraction(b, a, y)
    }
}

/// The `x` with `I_x(a, b) = share`: by halving, which can't run away.
pub(super) fn inverse(a: f64, b: f64, share: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if regularised(a, b, middle, 1.0 - middle) < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The continued fraction by Lentz's method; the even and odd terms come in pairs.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    let mut lentz = Lentz { value: 1.0, c: 1.0, d: 1.0 };
    lentz.value = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    lentz.d = lentz.value;
    for m in 1..STEPS_MAX {
        let m = f64::from(m);
        lentz.step(m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)));
        let change = lentz.step(-(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)));
        if (change - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    lentz.value
}

struct Lentz {
    value: f64,
    c: f64,
    d: f64,
}

// === impl Lentz ===

impl Lentz {
    fn step(&mut self, term: f64) -> f64 {
        self.d = 1.0 / away_from_zero(1.0 + term * self.d);
        self.c = away_from_zero(1.0 + term / self.c);
        let change = self.c * self.d;
        self.value *= change;
        change
    }
}

fn away_from_zero(x: f64) -> f64 {
    if x.abs() < 1e-300 { 1e-300 } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_undoes_the_function() {
        for (a, b) in [(0.5, 0.5), (1.0, 1.0), (3.2, 40.7), (500.0, 0.5), (9_000.0, 21_000.0)] {
            for share in [0.001, 0.025, 0.5, 0.975] {
                let x = inverse(a, b, share);
                assert!((regularised(a, b, x, 1.0 - x) - share).abs() < 1e-11, "{a} {b} {share}");
            }
        }
    }
}
