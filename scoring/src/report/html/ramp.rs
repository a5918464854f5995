//! Colours for numbers from 0 to 1: from dark blue over grey to yellow, evenly in lightness, so that it reads the same to
//! those who see no red or no green, and in print. Computed, not looked up.

/// Where the ramp passes, from 0 to 1: the corners of a curve of even lightness between blue and yellow.
const CORNERS: [[f64; 3]; 6] = [
    [0.0, 36.0, 84.0],
    [48.0, 70.0, 108.0],
    [99.0, 103.0, 112.0],
    [146.0, 139.0, 116.0],
    [197.0, 178.0, 101.0],
    [253.0, 225.0, 66.0],
];

/// A colour, each part from 0 to 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Colour([u8; 3]);

// === impl Colour ===

impl Colour {
    /// Of a share; what is outside of 0..1, or no number, is taken as the nearest end.
    pub(super) fn of(share: f64) -> Self {
        let place = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) } * (CORNERS.len() - 1) as f64;
        let corner = (place as usize).min(CORNERS.len() - 2);
        let between = place - corner as f64;
        let mix = |part: usize| {
            let (low, high) = (CORNERS[corner][part], CORNERS[corner + 1][part]);
            // Both ends are within a byte.
            (low + (high - low) * between).round() as u8
        };
        Self([mix(0), mix(1), mix(2)])
    }

    /// As CSS has it.
    pub(super) fn css(self) -> String {
        let [red, green, blue] = self.0;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }

    /// Black or white, whichever reads better on it.
    pub(super) fn ink(self) -> &'static str {
        if self.contrast(0.0) > self.contrast(1.0) { "#000" } else { "#fff" }
    }

    /// How well something of a lightness reads on it, by WCAG's formula.
    fn contrast(self, other: f64) -> f64 {
        let own = self.lightness();
        (own.max(other) + 0.05) / (own.min(other) + 0.05)
    }

    fn lightness(self) -> f64 {
        let linear = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps() -> impl Iterator<Item = Colour> {
        (0..=100).map(|step| Colour::of(f64::from(step) / 100.0))
    }

    #[test]
    fn more_is_lighter_everywhere_so_that_it_reads_without_hues() {
        let lightness: Vec<f64> = steps().map(Colour::lightness).collect();
        assert!(lightness.windows(2).all(|pair| pair[1] > pair[0]), "{lightness:?}");
    }

    #[test]
    fn a_number_on_any_colour_can_be_read() {
        for colour in steps() {
            let ink = if colour.ink() == "#000" { 0.0 } else { 1.0 };
            assert!(colour.contrast(ink) >= 4.5, "{}: {:.2}", colour.css(), colour.contrast(ink));
        }
    }

    #[test]
    fn what_is_no_share_has_a_colour_all_the_same() {
        assert_eq!([Colour::of(-1.0), Colour::of(f64::NAN)], [Colour::of(0.0); 2]);
        assert_eq!(Colour::of(7.0), Colour::of(1.0));
    }
}
