//! Data formats in what a model wrote (JSON, YAML, CSV, XML, HTML), unfolded into lines of the form `key: value` and tables
//! with bars, which the other rules read.

use serde_json::Value;

/// How deep JSON is followed.
const DEPTH_MAX: usize = 12;
/// Rows of one block: no data set has more, and looking for blocks stays linear.
const ROWS_MAX: usize = 512;

pattern!(TAG, r#"<(/?)([A-Za-z][\w-]*)((?:\s+[\w:-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'))*)\s*/?>"#);
pattern!(ATTRIBUTE, r#"([\w:-]+)\s*=\s*["']([^"']*)["']"#);
pattern!(PYTHON_PAIR, r"[{,]?\s*'([^'\n]+)'\s*:\s*(?:'([^'\n]*)'|([^,{}\[\]'\n]+))\s*[,}]?");
pattern!(PARENT, r"^(\s*)(?:- )?([A-Za-z][\w .-]*):\s*$");

/// A text with its data formats unfolded. Anything else stays as it is.
pub(super) fn unfold(text: &str) -> String {
    let text = unfold_json(&unfold_boxes(text));
    let text = unfold_tags(&unfold_latex(&text));
    let text = unfold_indents(&text);
    unfold_separators(&text)
}

// --- JSON ------------------------------------------------------------------------------------------------------------

/// Unfolds each JSON object or list that begins a line, or the text itself.
fn unfold_json(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = json_start(rest) {
        let mut values = serde_json::Deserializer::from_str(&rest[start..]).into_iter::<Value>();
        let Some(Ok(value)) = values.next() else { break };
        out.push_str(&rest[..start]);
        out.push('\n');
        unfold_value(&value, "", &mut out, 0);
        rest = &rest[start + values.byte_offset()..];
    }
    out.push_str(&python_pairs(rest));
    out
}

fn json_start(text: &str) -> Option<usize> {
    let at = |c: char| text.find(c);
    let object = at('{').filter(|at| text[*at + 1..].trim_start().starts_with(['"', '}']));
    let list = at('[').filter(|at| text[*at + 1..].trim_start().starts_with(['{', '"']));
    object.into_iter().chain(list).min()
}

/// Pairs as Python prints them: `{'average': 63, 'threshold': 80}`.
fn python_pairs(text: &str) -> String {
    if !text.contains("{'") {
        return text.to_owned();
    }
    PYTHON_PAIR.replace_all(text, "\n$1: $2$3\n").into_owned()
}

fn unfold_value(value: &Value, path: &str, out: &mut String, depth: usize) {
    match value {
        _ if depth > DEPTH_MAX => {}
        Value::Object(fields) => {
            for (key, field) in fields {
                unfold_value(field, &joined(path, key), out, depth + 1);
            }
        }
        Value::Array(items) if is_list_of_pairs(items) => pairs_table(items, path, out),
        Value::Array(items) if is_list_of_objects(items) => table(items, path, out),
        Value::Array(items) if items.len() >= 3 && items.iter().all(Value::is_boolean) => {
            marks_table(items, path, out);
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(scalar).collect();
            out.push_str(&format!("{path}: {}\n", items.join(", ")));
        }
        scalar_value => {
            let text = scalar(scalar_value);
            // A report inside of a JSON text keeps its lines.
            let separator = if text.contains('\n') { ":\n" } else { ": " };
            out.push_str(&format!("{path}{separator}{text}\n"));
        }
    }
}

fn joined(path: &str, key: &str) -> String {
    let key = words_of(key);
    if path.is_empty() { key } else { format!("{path} {key}") }
}

/// `averageScore` and `average-score` as words.
fn words_of(key: &str) -> String {
    let mut words = String::new();
    let mut before = ' ';
    for c in key.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            words.push(' ');
        }
        words.push(if matches!(c, '_' | '-') { ' ' } else { c });
        before = c;
    }
    words
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `[{"bread": 50}, {"clock": 60}]`.
fn is_list_of_pairs(items: &[Value]) -> bool {
    let is_pair = |item: &Value| {
        item.as_object().is_some_and(|item| item.len() == 1 && item.values().all(Value::is_number))
    };
    let keys: std::collections::BTreeSet<&String> =
        items.iter().filter_map(Value::as_object).flat_map(|item| item.keys()).collect();
    items.len() >= 2 && items.iter().all(is_pair) && keys.len() == items.len()
}

fn pairs_table(items: &[Value], path: &str, out: &mut String) {
    out.push_str(&format!("\n# .\n| name | {path} |\n"));
    for (key, value) in items.iter().filter_map(Value::as_object).flatten() {
        out.push_str(&format!("| {} | {} |\n", key.replace(['|', '\n'], " "), scalar(value)));
    }
    out.push_str("\n# .\n");
}

/// A list of right and wrong answers, with their numbers.
fn marks_table(items: &[Value], path: &str, out: &mut String) {
    out.push_str(&format!("\n# .\n| no | {path} |\n"));
    for (place, item) in items.iter().enumerate() {
        out.push_str(&format!("| {} | {} |\n", place + 1, scalar(item)));
    }
    out.push_str("\n# .\n");
}

fn is_list_of_objects(items: &[Value]) -> bool {
    items.len() >= 2 && items.iter().all(Value::is_object)
}

fn table(items: &[Value], path: &str, out: &mut String) {
    let mut columns: Vec<&String> = Vec::new();
    for key in items.iter().filter_map(Value::as_object).flat_map(|item| item.keys()) {
        if !columns.contains(&key) && columns.len() < 32 {
            columns.push(key);
        }
    }
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    out.push_str(&format!("\n# {path}\n"));
    out.push_str(&row(columns.iter().map(|column| words_of(column)).collect()));
    for item in items {
        let cell = |column: &&String| item.get(column.as_str()).map(scalar).unwrap_or_default();
        out.push_str(&row(columns.iter().map(|column| cell(column).replace(['|', '\n'], " ")).collect()));
    }
    out.push_str("\n# .\n");
}

// --- Boxes -----------------------------------------------------------------------------------------------------------

/// Lists of boxes of which some are ticked: what is ticked stays, under its label (`grade: B`), and what is not goes.
fn unfold_boxes(text: &str) -> String {
    pattern!(TICKED, r"^\s*(?:[-*+] +)?(?:\[ ?[xX✓✔] ?\]|\( ?[xX✓✔] ?\)|☑|☒|✅)\s*(\S.*)$");
    pattern!(OPEN, r"^\s*(?:[-*+] +)?(?:\[ *\]|\( *\)|☐|⬜)\s*\S");
    if !(text.lines().any(|line| TICKED.is_match(line)) && text.lines().any(|line| OPEN.is_match(line))) {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut label = "";
    for line in text.lines() {
        if let Some(found) = TICKED.captures(line) {
            let is_label = !label.is_empty() && label.split_whitespace().count() <= 3;
            out.push_str(&if is_label { format!("{label}: {}", &found[1]) } else { found[1].to_owned() });
            out.push('\n');
        } else if !OPEN.is_match(line) {
            let bare = line.trim().trim_matches(['#', '*', ':', ' ']);
            label = if bare.is_empty() { label } else { bare };
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

// --- LaTeX -----------------------------------------------------------------------------------------------------------

/// Rows of a LaTeX table as rows with bars.
fn unfold_latex(text: &str) -> String {
    pattern!(STYLED, r"\\(?:text(?:bf|it|tt)|emph|(?:sub)*section\*?|paragraph\*?|title)\{([^{}\n]*)\}");
    if STYLED.is_match(text) {
        let plain = STYLED.replace_all(text, "$1").replace("\\hfill", " ").replace("\\quad", " ");
        let plain: Vec<&str> = plain.lines().map(|line| line.trim_end().trim_end_matches("\\\\")).collect();
        return unfold_latex_rows(text, &plain.join("\n"));
    }
    unfold_latex_rows(text, text)
}

fn unfold_latex_rows(whole: &str, text: &str) -> String {
    if !whole.contains("\\\\") || !text.contains('&') {
        return text.to_owned();
    }
    let rows = text.replace("\\hline", "").replace("\\\\", "\n");
    let row = |line: &str| match line.contains('&') {
        true => format!("| {} |\n", line.trim().replace('&', "|")),
        false if line.trim().is_empty() => String::new(),
        false => format!("{line}\n"),
    };
    rows.lines().map(row).collect()
}

// --- XML and HTML ----------------------------------------------------------------------------------------------------

fn unfold_tags(text: &str) -> String {
    if !text.contains('<') {
        return text.to_owned();
    }
    let unfolded = TAG
        .replace_all(text, |found: &regex::Captures<'_>| tag(&found[1], &found[2], &found[3]))
        .into_owned();
    if !unfolded.contains('|') {
        return unfolded;
    }
    // Rows of one table stand on neighbouring lines.
    unfolded.lines().filter(|line| !line.trim().is_empty()).flat_map(|line| [line, "\n"]).collect()
}

fn tag(closing: &str, name: &str, attributes: &str) -> String {
    let lower = name.to_lowercase();
    match (lower.as_str(), closing) {
        ("b" | "i" | "em" | "strong" | "span" | "u" | "code" | "sup" | "sub" | "a", _) => String::new(),
        ("td" | "th", "") => "| ".to_owned(),
        ("td" | "th", _) => " ".to_owned(),
        ("tr", "") => "\n".to_owned(),
        ("tr", _) => "|\n".to_owned(),
        ("h1" | "h2" | "h3" | "h4" | "h5", "") => "\n# ".to_owned(),
        ("del" | "s" | "strike", _) => "~~".to_owned(),
        (
            "p" | "div" | "li" | "ul" | "ol" | "br" | "table" | "tbody" | "thead" | "html" | "body" | "head"
            | "h1" | "h2" | "h3" | "h4" | "h5" | "hr" | "section",
            _,
        ) => "\n".to_owned(),
        (_, "") => {
            let pairs: String = ATTRIBUTE
                .captures_iter(attributes)
                .map(|pair| format!("\n{}: {}", words_of(&pair[1]), &pair[2]))
                .collect();
            format!("{pairs}\n{}: ", words_of(name))
        }
        _ => "\n".to_owned(),
    }
}

// --- YAML ------------------------------------------------------------------------------------------------------------

/// Puts the keys of YAML's parents before their children's: `previous:` with `average: 77` below it becomes `previous
/// average: 77`; lists of objects become tables.
fn unfold_indents(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let is_nested = |at: usize| {
        PARENT.captures(lines[at]).is_some_and(|found| {
            lines.get(at + 1).is_some_and(|next| indent(next) > found[1].len() && next.contains(':'))
        })
    };
    if !(0..lines.len()).any(is_nested) {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut parents: Vec<(usize, String)> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        if !line.trim().is_empty() {
            parents.retain(|(depth, _)| *depth < indent(line));
        }
        if let Some((items, rows)) = object_list(&lines[at..]) {
            let path: Vec<&str> = parents.iter().map(|(_, key)| key.as_str()).collect();
            table(&items, &path.join(" "), &mut out);
            at += rows;
            continue;
        }
        if is_nested(at) {
            let key = line.trim().trim_start_matches("- ").trim_end_matches(':');
            parents.push((indent(line), words_of(key)));
        } else {
            let path: String = parents.iter().map(|(_, key)| format!("{key} ")).collect();
            let is_pair = line.contains(':') && !line.trim_start().starts_with(['|', '#']);
            out.push_str(if is_pair { &path } else { "" });
            out.push_str(if is_pair { line.trim() } else { line });
            out.push('\n');
        }
        at += 1;
    }
    out
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// A list of objects at the beginning of some lines, and how many lines it takes.
fn object_list(lines: &[&str]) -> Option<(Vec<Value>, usize)> {
    let first = lines.first()?;
    if !first.trim_start().starts_with("- ") || pair(first).is_none() {
        return None;
    }
    let depth = indent(first);
    let mut items: Vec<serde_json::Map<String, Value>> = Vec::new();
    let mut rows = 0;
    for line in lines.iter().take(ROWS_MAX) {
        let begins = indent(line) == depth && line.trim_start().starts_with("- ");
        let goes_on = indent(line) > depth && !line.trim_start().starts_with("- ");
        let Some((key, value)) = pair(line).filter(|_| begins || goes_on) else { break };
        if begins {
            items.push(serde_json::Map::new());
        }
        items.last_mut()?.insert(key, Value::String(value));
        rows += 1;
    }
    let is_list = items.len() >= 2 && items.iter().any(|item| item.len() >= 2);
    is_list.then(|| (items.into_iter().map(Value::Object).collect(), rows))
}

fn pair(line: &str) -> Option<(String, String)> {
    let (key, value) = line.trim().trim_start_matches("- ").split_once(':')?;
    let is_key = !key.is_empty() && key.len() <= 40;
    is_key.then(|| (key.trim().to_owned(), value.trim().trim_matches(['"', '\'']).to_owned()))
}

// --- CSV -------------------------------------------------------------------------------------------------------------

/// Turns blocks of lines with the same number of commas, semicolons or tabs into tables.
fn unfold_separators(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let mut out = String::new();
    let mut at = 0;
    while at < lines.len() {
        let rows = [('\t', 1), (';', 1), (',', 1)]
            .into_iter()
            .map(|(separator, least)| (separator, block(&lines[at..], separator, least)))
            .max_by_key(|(_, rows)| *rows)
            .filter(|(_, rows)| *rows >= 2);
        let Some((separator, rows)) = rows else {
            out.push_str(lines[at]);
            out.push('\n');
            at += 1;
            continue;
        };
        for line in &lines[at..at + rows] {
            let cells: Vec<&str> = line.split(separator).map(|cell| cell.trim().trim_matches('"')).collect();
            out.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
        at += rows;
    }
    out
}

/// How many lines from the first on are rows of one form.
fn block(lines: &[&str], separator: char, least: usize) -> usize {
    let count = |line: &str| line.matches(separator).count();
    let Some(first) = lines.first().map(|line| count(line)).filter(|count| *count >= least) else { return 0 };
    let is_row = |line: &&&str| {
        count(line) == first
            && !line.contains('|')
            && !line.contains(". ")
            // Prose has a space after its commas.
            && (separator != ',' || !line.contains(", "))
    };
    let rows = lines.iter().take(ROWS_MAX).take_while(is_row).count();
    // A decimal comma in lines `key: 62,5` separates nothing.
    let has_plain_header = !lines[0].contains(|c: char| c.is_ascii_digit()) && !lines[0].contains(':');
    if separator == ',' && first == 1 && !has_plain_header {
        return 0;
    }
    if rows == 2 && !(has_plain_header && first >= 2) {
        return 0;
    }
    // A header without numbers, or numbers in every row: prose has neither.
    let has_digits = |line: &&&str| line.contains(|c: char| c.is_ascii_digit());
    let with_digits = lines[..rows].iter().filter(has_digits).count();
    if with_digits + 2 >= rows { rows } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_becomes_pairs_and_tables() {
        let lines = unfold(
            r#"{"summary": {"averageScore": 60}, "items": [{"id": 1, "score": 70}, {"id": 2, "score": 50}]}"#,
        );
        assert!(lines.contains("summary average Score: 60\n"), "{lines}");
        assert!(lines.contains("| id | score |\n| 1 | 70 |\n| 2 | 50 |"), "{lines}");
    }

    #[test]
    fn yaml_children_know_their_parents() {
        let lines = unfold("previous:\n  average: 77\ncurrent:\n  average: 55\n");
        assert_eq!(lines, "previous average: 77\ncurrent average: 55\n");
    }

    #[test]
    fn rows_with_separators_become_a_table() {
        assert_eq!(unfold("row;score\n1;80\n2;70\n"), "| row | score |\n| 1 | 80 |\n| 2 | 70 |\n");
        let prose = "one, two\nthree, four\nfive, six";
        assert_eq!(unfold(prose), format!("{prose}\n"));
    }

    #[test]
    fn tags_become_lines() {
        let lines = unfold(r#"<review items="10"><average_score>60</average_score></review>"#);
        assert!(lines.contains("items: 10") && lines.contains("average score: 60"), "{lines}");
    }
}
