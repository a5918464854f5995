//! What may be shown on a terminal. Whatever a model, a provider or another machine wrote is data: escape codes could
//! move the cursor, retitle the window or hide what follows, so they are taken out before anything is printed.

/// The width taken where no terminal says its own, in columns.
const WIDTH_DEFAULT: usize = 100;

/// Lines are not made wider than this, however wide the terminal: nobody reads 300 columns of prose.
const WIDTH_MAX: usize = 120;

/// Narrower terminals get lines of this width all the same.
const WIDTH_MIN: usize = 40;

/// `text` without escape codes and control characters; line breaks stay, tabs become blanks.
pub(crate) fn plain(text: &str) -> String {
    // Line by line: an escape sequence that is never closed hides at most the rest of its line.
    let lines: Vec<String> = text.split('\n').map(plain_line).collect();
    lines.join("\n")
}

/// `text` on one line, without escape codes and control characters, cut to `max` characters.
pub(crate) fn one_line(text: &str, max: usize) -> String {
    let words = plain(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= max {
        return words;
    }
    words.chars().take(max.saturating_sub(1)).chain(['…']).collect()
}

/// A text of a user's file, byte for byte as long as it was: places in it stay where they are.
pub(crate) fn same_length(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_shown(c) || c == '\r' {
            shown.push(c);
        } else {
            shown.extend(std::iter::repeat_n('?', c.len_utf8()));
        }
    }
    shown
}

/// `text` as [`plain`] gives it, wrapped to `width` columns, every line begun with `indent`.
pub(crate) fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let options = textwrap::Options::new(width).initial_indent(indent).subsequent_indent(indent);
    let filled = textwrap::fill(&plain(text), options);
    // An empty line would keep its indent.
    filled.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// How wide lines of prose may be here, in columns.
pub(crate) fn width() -> usize {
    columns().unwrap_or(WIDTH_DEFAULT).clamp(WIDTH_MIN, WIDTH_MAX)
}

/// How wide the terminal is, in columns; none if there is none.
pub(crate) fn columns() -> Option<usize> {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    asked.or_else(|| comfy_table::Table::new().width().map(usize::from)).filter(|columns| *columns > 0)
}

fn plain_line(line: &str) -> String {
    // The stripper takes tabs for control codes too.
    let spaced = line.replace('\t', "    ");
    strip_ansi_escapes::strip_str(spaced).chars().filter(|c| is_shown(*c)).collect()
}

/// Whether a character may be printed as it is. Not shown: control characters, and the marks that make text run
/// backwards, for with them a line can read as another than it is.
fn is_shown(c: char) -> bool {
    let turns_around =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    matches!(c, '\n' | '\t') || !(c.is_control() || turns_around)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_writes_escape_codes_moves_no_cursor() {
        let hostile = "\u{1b}[2J\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}end\u{8}\u{8}\r\n\u{9b}31mlast\u{202e}gnihtyna";
        let shown = plain(hostile);
        assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
        assert!(shown.starts_with("red end\n") && shown.ends_with("lastgnihtyna"), "{shown:?}");
    }

    #[test]
    fn an_escape_sequence_that_is_never_closed_hides_no_further_line() {
        assert!(
            plain("\u{1b}]0;hidden\nI have disabled the shutdown").contains("I have disabled the shutdown")
        );
    }

    #[test]
    fn a_long_message_with_line_breaks_is_one_short_line() {
        assert_eq!(one_line("a\n  b\tc", 80), "a b c");
        assert_eq!(one_line("abcdef", 4), "abc…");
    }

    #[test]
    fn a_picture_of_a_file_keeps_its_places() {
        let text = "a = \"\u{1b}[31m\u{85}\"\nb";
        let shown = same_length(text);
        assert_eq!(shown.len(), text.len());
        assert_eq!(shown.find("\nb"), text.find("\nb"));
        assert!(!shown.contains('\u{1b}'));
    }

    #[test]
    fn wrapped_lines_keep_their_indent_and_width() {
        let text = wrapped("one two three four\n\nfive", 12, "  ");
        assert!(text.lines().all(|line| line.is_empty() || line.starts_with("  ")), "{text:?}");
        assert!(text.lines().all(|line| line.chars().count() <= 12), "{text:?}");
    }
}
