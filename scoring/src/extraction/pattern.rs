//! Patterns of the rules: compiled when they are first looked for, and kept.

/// A pattern by its name. It is a constant, and every test compiles it.
macro_rules! pattern {
    ($(#[$doc:meta])* $vis:vis $name:ident, $pattern:expr $(,)?) => {
        $(#[$doc])*
        #[allow(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
        $vis static $name: std::sync::LazyLock<regex::Regex> = std::sync::LazyLock::new(|| {
            regex::Regex::new(AsRef::<str>::as_ref(&$pattern)).expect("it is a pattern")
        });
    };
}
