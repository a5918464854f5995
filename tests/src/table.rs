//! What was measured, beside what was to be reached: the tables that the measuring programs print.

use std::fmt;

/// One measurement.
#[derive(Debug)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// What was to be reached.
    pub reach: String,
    /// What came out.
    pub measured: String,
    /// Whether that is enough.
    pub reached: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
}

// === impl Table ===

impl Table {
    /// Adds a row below the others.
    pub fn add(&mut self, row: Row) {
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | reach | measured | reached |")?;
        writeln!(f, "|---|---|---|---|")?;
        for row in &self.rows {
            let verdict = if row.reached { "yes" } else { "NO" };
            writeln!(f, "| {} | {} | {} | {verdict} |", row.what, row.reach, row.measured)?;
        }
        Ok(())
    }
}

/// A number with its thousands apart.
#[must_use]
pub fn grouped(number: f64) -> String {
    let digits = format!("{:.0}", number.max(0.0));
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
