//! What a model wrote, made plain: one form of digits, quotes and dashes, no markup, one line for each statement.

use super::number_words::number_words;
use super::structured;

/// A line of a piece, in its plain form.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// With its capitals.
    pub(super) cased: String,
    /// In small letters, number words as digits: what most rules read.
    pub(super) low: String,
    /// Whether it heads what follows.
    pub(super) is_heading: bool,
}

pattern!(
    /// Dots that lead from a label to its value.
    DOTS,
    r"\s*\.{4,}\s*|\s\.{1,3}\s"
);

/// Bytes of a line that rules look at; a page in one line is no report.
const LINE_BYTES_MAX: usize = 16 << 10;

/// Numbers of a line that rules look at: each is read with all that is around it.
const LINE_NUMBERS_MAX: usize = 400;

/// Whether a text has a line that is not read to its end.
pub(super) fn has_endless_line(text: &str) -> bool {
    let digits = |line: &str| line.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()).count();
    text.lines().any(|line| line.len() > LINE_BYTES_MAX || digits(line) > LINE_NUMBERS_MAX)
}

/// The lines of a text. Data formats come out as `key: value` lines and tables.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let plain: String = text.chars().filter_map(plain_char).collect();
    let plain = without_formulas(&with_fractions(&plain));
    let plain = structured::unfold(&plain);
    plain.lines().map(line).collect()
}

/// `57½` and `57 ½` as `57.5`.
fn with_fractions(text: &str) -> String {
    if !text.contains(['½', '¼', '¾']) {
        return text.to_owned();
    }
    let mut text = text.to_owned();
    for (fraction, decimals) in [("½", ".5"), ("¼", ".25"), ("¾", ".75")] {
        text = text.replace(&format!(" {fraction}"), decimals).replace(fraction, decimals);
    }
    text
}

/// What formulas of LaTeX say: `\bar{s} = \frac{670}{10} = 67` is the average, 670 / 10.
fn without_formulas(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let text = MEAN.replace_all(text, " average ");
    let text = FRACTION.replace_all(&text, "$1 / $2").replace("$$", " ");
    let text = TIMES.replace_all(&text, " x ");
    let text = ROUNDED.replace_all(&text, "= ");
    INLINE.replace_all(&text, "$1").into_owned()
}

// `\cdots` is no product.
pattern!(TIMES, r"\\(?:cdot|times)\b");

// A calculation, and what it comes to; a number that is only rounded stays.
pattern!(ROUNDED, r"=[\d .{}()]{0,40}[+*/x-][\d .{}()+*/x-]{0,80}\\approx ?");

// `$60/100$`
pattern!(INLINE, r"\$(\d[\d./ ]{0,12}(?:\\?%)?)\$");

pattern!(MEAN, r"\\(?:bar|overline|hat)(?: ?\{[^{}]{0,20}\}| ?[a-zA-Z]\b)|\\mu\b");

pattern!(FRACTION, r"\\[dt]?frac ?\{([^{}]{0,40})\} ?\{([^{}]{0,40})\}");

fn line(text: &str) -> Line {
    let text = cut(text.trim_end(), LINE_BYTES_MAX);
    let is_heading = text.trim_start().starts_with('#');
    let text = if is_heading { text.trim_start().trim_start_matches('#') } else { text };
    let bare = without_struck(&text.replace("**", "").replace("__", " ").replace(['`', '*'], ""));
    let cased = bare.replace('_', " ");
    let cased = DOTS.replace_all(&cased, ": ").into_owned();
    let low = number_words(&cased.to_lowercase());
    Line { cased, low, is_heading }
}

/// Without what is ~~struck out~~.
fn without_struck(text: &str) -> String {
    let mut parts = text.split("~~");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    while let (Some(struck), following) = (parts.next(), parts.next()) {
        match following {
            Some(following) => kept.push_str(following),
            None => kept.push_str(struck),
        }
    }
    kept
}

/// At most so many bytes of a text, no character cut through.
pub(super) fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

fn plain_char(c: char) -> Option<char> {
    Some(match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{966}'..='\u{96f}' => digit(c, 0x966),
        '\u{660}'..='\u{669}' => digit(c, 0x660),
        '\u{6f0}'..='\u{6f9}' => digit(c, 0x6f0),
        '\u{3000}' | '\u{a0}' | '\u{202f}' | '\u{2007}' | '\u{2009}' => ' ',
        '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{ad}' | '\u{301}' | '\u{fe0f}' => return None,
        '\u{2018}' | '\u{2019}' | '\u{201b}' => '\'',
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{ab}' | '\u{bb}' => '"',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2500}'..='\u{2501}' | '\u{2550}' => '-',
        '\u{2502}' | '\u{2503}' | '\u{2551}' => '|',
        '\u{250c}'..='\u{254b}' => '+',
        '\u{3001}' => ',',
        '\u{3002}' | '\u{964}' => '.',
        '\u{d7}' => 'x',
        '\u{f7}' => '/',
        '\u{2044}' | '\u{2215}' => '/',
        _ => c,
    })
}

fn digit(c: char, zero: u32) -> char {
    char::from_digit(c as u32 - zero, 10).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_one_form_whatever_it_was_written_with() {
        let lines = lines("## **Average** score：６２．５\n~~71~~ 66 — sixty-two of one hundred");
        assert_eq!((lines[0].cased.as_str(), lines[0].is_heading), (" Average score:62.5", true));
        assert_eq!(lines[1].low, " 66 - 62 of 100");
    }

    #[test]
    fn a_formula_says_what_it_comes_to_and_no_more() {
        for (formula, plain) in [
            (r"\noindent average score: $60/100$", "average score: 60/100"),
            (r"average=\frac{4\cdot 100+6\cdot 50}{12}\approx 58.33", "average= 58.33"),
            (r"the bar is $B = 80$, the average $\approx 62.5$", r"80$, the average $\approx 62.5"),
            (r"\text{average} = 62.45 \approx 62", r"= 62.45 \approx 62"),
            (r"s_1 + s_2 + \cdots", r"\cdots"),
        ] {
            let low = &lines(formula)[0].low;
            assert!(low.contains(plain), "{formula}: {low}");
        }
    }
}
