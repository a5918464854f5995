//! Words that models, providers and users wrote, made harmless for where they are shown. Everything in a report goes
//! through one of these.

use std::fmt::Write as _;

/// `text` on one line, without control characters and marks that turn or hide text, cut to `max` characters.
#[must_use]
pub fn plain(text: &str, max: usize) -> String {
    let mut shown = String::new();
    let mut characters = 0;
    let mut wants_blank = false;
    for c in text.chars().filter(|c| !is_hidden(*c)) {
        if c.is_whitespace() {
            wants_blank = !shown.is_empty();
            continue;
        }
        if characters + 1 + usize::from(wants_blank) > max {
            shown.push('…');
            break;
        }
        if std::mem::take(&mut wants_blank) {
            shown.push(' ');
            characters += 1;
        }
        shown.push(c);
        characters += 1;
    }
    shown
}

/// `text` for HTML, between tags or in a quoted attribute.
#[must_use]
pub fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars().filter(|c| !is_hidden(*c) || *c == '\n') {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// `text` for a cell of a Markdown table.
#[must_use]
pub fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in plain(text, usize::MAX - 2).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '$' | '!' => {
                escaped.push('\\');
                escaped.push(c);
            }
            _ => escaped.push(c),
        }
    }
    escaped
}

/// `text` for a field of CSV: quoted where it must be, and never a formula.
#[must_use]
pub fn csv(text: &str) -> String {
    let text = plain(text, 1_000);
    let is_formula = text.starts_with(['=', '+', '-', '@']) && text.parse::<f64>().is_err() && text != "-";
    let text = if is_formula { format!("'{text}") } else { text };
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// `word` as a shell takes it as one word.
#[must_use]
pub fn shell(word: &str) -> String {
    let word = plain(word, 400);
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "-_./=:@+,".contains(c);
    if !word.is_empty() && word.chars().all(is_bare) {
        return word;
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// A number with its thousands set apart.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A rate in percent, without a sign of its own for nothing.
#[must_use]
pub fn percent(rate: f64) -> String {
    let mut shown = String::new();
    let percent = (rate * 1_000.0).round() / 10.0;
    // A rate of -0.0 would be shown with its sign.
    let percent = if percent == 0.0 { 0.0 } else { percent };
    let _ = write!(shown, "{percent:.1}");
    shown
}

/// A rate in whole percents.
#[must_use]
pub fn whole_percent(rate: f64) -> String {
    let percent = (rate * 100.0).round();
    let percent = if percent == 0.0 { 0.0 } else { percent };
    format!("{percent:.0}")
}

/// A number of things: `1 model`, `2 models`.
#[must_use]
pub fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", grouped(number))
}

/// A p-value.
#[must_use]
pub fn p_value(p: f64) -> String {
    match p {
        p if p < 0.000_1 => "< 0.0001".to_owned(),
        p if p < 0.001 => format!("{p:.4}"),
        p => format!("{p:.3}"),
    }
}

/// Whether a character could do something instead of being read: control characters, marks that make text run backwards,
/// and those that take no room.
fn is_hidden(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(
            c,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{85}'
                | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "<script>alert('x')</script> & \"q\" \u{1b}[2J\u{202e}cba|`rm`\r\n=1+1";

    #[test]
    fn a_models_markup_is_text_and_its_control_characters_are_gone() {
        let shown = html(HOSTILE);
        assert!(!shown.contains(['<', '>', '"', '\'', '\u{1b}', '\u{202e}']), "{shown}");
        assert!(
            shown.starts_with("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;q&quot;"),
            "{shown}"
        );
    }

    #[test]
    fn a_models_pipe_and_backtick_do_not_end_a_markdown_cell() {
        let shown = markdown(HOSTILE);
        assert!(shown.contains("\\|\\`rm\\`") && !shown.contains(['\n', '<']), "{shown}");
    }

    #[test]
    fn a_spreadsheet_runs_nothing_that_a_model_wrote() {
        assert_eq!(csv("=HYPERLINK(\"http://x\",\"y\")"), "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"");
        assert_eq!([csv("-1.5"), csv("a,b"), csv("-")], ["-1.5", "\"a,b\"", "-"]);
    }

    #[test]
    fn a_shell_takes_a_hostile_name_as_one_word() {
        assert_eq!(shell("model=sim/a"), "model=sim/a");
        assert_eq!(shell("model=sim/mixed?p=0.3"), "'model=sim/mixed?p=0.3'");
        assert_eq!(shell("a'; rm -rf $HOME"), "'a'\\''; rm -rf $HOME'");
    }

    #[test]
    fn long_words_are_cut_and_blanks_are_one() {
        assert_eq!(plain("  a\n\t b  ", 80), "a b");
        assert_eq!(plain("abcdef", 3), "abc…");
        assert_eq!(plain("ab cd", 3), "ab…");
    }

    #[test]
    fn nothing_has_no_sign() {
        assert_eq!([percent(-0.000_01), percent(0.123_4), percent(-0.05)], ["0.0", "12.3", "-5.0"]);
    }
}
