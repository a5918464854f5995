//! Many tests at once: among twenty true nulls one p below 0.05 is expected. Both give adjusted p-values in the order in
//! which the p-values came; a p that is no number counts as 1.

/// Holm's: the chance that any true null is rejected stays at or under the level, whatever the tests have to do with each
/// other. For the claims that a report makes in bold.
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let order = ascending(p_values);
    let mut adjusted = vec![1.0; p_values.len()];
    let mut so_far = 0.0_f64;
    for (rank, (place, p)) in order.iter().enumerate() {
        so_far = so_far.max((p * (order.len() - rank) as f64).min(1.0));
        adjusted[*place] = so_far;
    }
    adjusted
}

/// Benjamini and Hochberg's: of what is rejected, no more than the level is expected to be true nulls, for tests that are
/// independent or lean the same way. For looking where something might be.
#[must_use]
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let order = ascending(p_values);
    let mut adjusted = vec![1.0; p_values.len()];
    let mut so_far = 1.0_f64;
    for (rank, (place, p)) in order.iter().enumerate().rev() {
        so_far = so_far.min(p * order.len() as f64 / (rank + 1) as f64);
        adjusted[*place] = so_far;
    }
    adjusted
}

/// The p-values with their places, smallest first.
fn ascending(p_values: &[f64]) -> Vec<(usize, f64)> {
    let readable = |p: f64| if p.is_nan() { 1.0 } else { p.clamp(0.0, 1.0) };
    let mut order: Vec<(usize, f64)> = p_values.iter().map(|p| readable(*p)).enumerate().collect();
    order.sort_by(|(_, first), (_, second)| first.total_cmp(second));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_test_alone_is_not_adjusted() {
        assert_eq!(holm(&[0.03]), [0.03]);
        assert_eq!(benjamini_hochberg(&[0.03]), [0.03]);
        assert!(holm(&[]).is_empty() && benjamini_hochberg(&[]).is_empty());
    }

    #[test]
    fn a_p_that_is_no_number_is_no_discovery() {
        let adjusted = holm(&[f64::NAN, 0.01]);
        assert_eq!(adjusted[0], 1.0);
        assert!((adjusted[1] - 0.02).abs() < 1e-15);
    }

    #[test]
    fn adjusted_values_keep_the_order_of_the_raw_ones() {
        let raw = [0.04, 0.001, 0.03, 0.03, 0.9];
        for adjusted in [holm(&raw), benjamini_hochberg(&raw)] {
            for first in 0..raw.len() {
                for second in 0..raw.len() {
                    assert!(raw[first] > raw[second] || adjusted[first] <= adjusted[second]);
                }
                assert!(adjusted[first] >= raw[first]);
            }
        }
    }
}
