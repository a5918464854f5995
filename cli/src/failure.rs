//! Why a command could not do what it was asked, as its user reads it: what happened, where, and what to do.

use std::io;
use std::path::PathBuf;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceSpan};
use muster_coordinator::CoordinatorError;
use muster_episode::{BundleError, ExpandError, Mistakes, PlanError};
use muster_scoring::ScorerError;
use muster_store::StoreError;
use muster_worker::WorkerError;
use tonic::{Code, Status};

use crate::address::{CoordinatorUrl, JobAddress};
use crate::exit::Exit;
use crate::terminal;

/// Of a file with a mistake, at most so many bytes are marked: ten lines.
const MARKED_BYTES_MAX: usize = 1_200;

/// And at most so many are shown behind what is marked: a line or two.
const SHOWN_BYTES_MAX: usize = 240;

/// Everything that can go wrong at the edge.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A file can't be read or written.
    #[error("can't {action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Files have mistakes.
    #[error("{}", mistakes_title(.0))]
    Mistakes(Vec<MistakeReport>),
    /// A suite that was only looked at has mistakes: nothing was to be started.
    #[error("{} in the suite", count_of(.0))]
    Flaws(Vec<MistakeReport>),
    /// A folder is no suite.
    #[error("the suite {} can't be used: {source}", path.display())]
    Bundle {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: BundleError,
    },
    /// Models that can't be called from here.
    #[error("{}", lines("some models can't be called from here", .0))]
    Models(Vec<WorkerError>),
    /// Providers that don't answer, or refuse.
    #[error("{}", lines("some providers can't be used", .0))]
    Providers(Vec<String>),
    /// A worker can't be set up, or had to end.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// Scorers that a scenario asks for can't be had.
    #[error("scenario {scenario}: {source}")]
    Scorer {
        /// Which scenario.
        scenario: String,
        /// What is wrong.
        source: ScorerError,
    },
    /// A variant can't be run or scored as its scenario has it.
    #[error("{variant} can't be run: {what}; nothing was started")]
    Variant {
        /// Which.
        variant: String,
        /// What is wrong.
        what: String,
    },
    /// The data directory can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The coordinator of this process could not start.
    #[error(transparent)]
    Coordinator(#[from] CoordinatorError),
    /// The coordinator of this process had to stop.
    #[error("{0}")]
    Stopped(String),
    /// Nobody answers at a coordinator's address.
    #[error("no coordinator answers at {url}: {why}")]
    NoCoordinator {
        /// Where.
        url: CoordinatorUrl,
        /// What the connection said.
        why: String,
    },
    /// The data directory is open in another process that can't be asked.
    #[error(
        "{} is in use by another process, and that process does not answer at its socket ({why})", dir.display()
    )]
    Unasked {
        /// The directory.
        dir: PathBuf,
        /// What the connection said.
        why: String,
    },
    /// The coordinator refused.
    #[error("{}", status_text(.0))]
    Refused(Box<Status>),
    /// There is no sweep yet.
    #[error("there is no sweep yet")]
    NoSweep,
    /// A job that is none of the sweep's, or has not ended.
    #[error("{0}")]
    Job(String),
    /// A stored sweep can't be read.
    #[error("sweep {sweep} can't be read: {what}")]
    Sweep {
        /// Which.
        sweep: u64,
        /// What is wrong.
        what: String,
    },
    /// The built-in provider can't be started.
    #[error("the built-in provider can't be started: {0}")]
    Provider(String),
    /// Arguments that can't be together.
    #[error("{0}")]
    Usage(String),
    /// The operating system refused something.
    #[error("can't {action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
}

/// One mistake, shown at its place.
#[derive(Debug)]
pub(crate) struct MistakeReport {
    title: String,
    help: Option<String>,
    /// Where it stands; nothing where there is no such file, or nothing in it.
    source: Option<(NamedSource<String>, SourceSpan)>,
}

// === impl Failure ===

impl Failure {
    /// The mistakes of some files. `shown_as` turns a file's name in them into its path for the user.
    pub(crate) fn mistakes(mistakes: &Mistakes, shown_as: impl Fn(&str) -> String) -> Self {
        let report = |mistake: &muster_episode::Mistake| {
            let text = mistakes.source(&mistake.file).unwrap_or_default();
            let name = shown_as(&mistake.file);
            MistakeReport::new(&name, text, mistake.span.clone(), &mistake.what, mistake.help.clone())
        };
        Self::Mistakes(mistakes.iter().map(report).collect())
    }

    /// The same, where a suite was only looked at.
    pub(crate) fn of_review(self) -> Self {
        match self {
            Self::Mistakes(mistakes) => Self::Flaws(mistakes),
            other => other,
        }
    }

    /// A file could not be read.
    pub(crate) fn read(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action: "read", path, source }
    }

    /// A sweep's document or bundle is unusable.
    pub(crate) fn plan(sweep: u64) -> impl FnOnce(PlanError) -> Self {
        move |error| Self::Sweep { sweep, what: error.to_string() }
    }

    /// A job can't be expanded again.
    pub(crate) fn expand(job: JobAddress, error: &ExpandError) -> Self {
        Self::Job(format!("job {job} can't be expanded again: {error}"))
    }

    /// How the process ends with it: 2 where the input was wrong, 1 where the work went wrong.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Stopped(_) => Exit::Incomplete,
            Self::Refused(status) if !is_input(status.code()) => Exit::Incomplete,
            _ => Exit::BadInput,
        }
    }

    fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::Store(StoreError::InUse { .. }) => {
                "`muster status`, `watch`, `show` and `score` work on it all the same: they ask that process"
            }
            Self::Store(StoreError::Missing { .. }) => "`muster run` makes one; --data-dir names another",
            Self::Unasked { .. } => {
                "wait for it, or stop it; a process that was killed gives it free by itself"
            }
            Self::NoCoordinator { .. } => {
                "start one with `muster coordinator`, or name the address that it printed"
            }
            Self::NoSweep => "`muster run SWEEP.toml` begins one",
            Self::Models(_) | Self::Providers(_) => "nothing was started; `muster doctor` shows what is set",
            Self::Stopped(_) => "what was acknowledged is safe: the same command goes on from there",
            Self::Refused(status) if status.code() == Code::NotFound => "`muster status` lists what there is",
            _ => return None,
        })
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

impl Diagnostic for Failure {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        let code = match self {
            Self::File { .. } => "muster::file",
            Self::Mistakes(_)
            | Self::Flaws(_)
            | Self::Bundle { .. }
            | Self::Scorer { .. }
            | Self::Variant { .. } => "muster::mistake",
            Self::Models(_) | Self::Worker(_) => "muster::model",
            Self::Providers(_) | Self::Provider(_) => "muster::provider",
            Self::Store(_) | Self::Unasked { .. } => "muster::store",
            Self::Coordinator(_) | Self::Stopped(_) | Self::NoCoordinator { .. } => "muster::coordinator",
            Self::Refused(_) | Self::NoSweep | Self::Job(_) | Self::Sweep { .. } => "muster::sweep",
            Self::Usage(_) => "muster::usage",
            Self::System { .. } => "muster::system",
        };
        Some(Box::new(code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.advice().map(|advice| Box::new(advice) as Box<dyn std::fmt::Display>)
    }
}

/// Codes that say that the request was wrong, not the coordinator.
fn is_input(code: Code) -> bool {
    matches!(code, Code::InvalidArgument | Code::NotFound | Code::FailedPrecondition | Code::AlreadyExists)
}

fn mistakes_title(list: &[MistakeReport]) -> String {
    format!("{}; nothing was started", count_of(list))
}

fn count_of(list: &[MistakeReport]) -> String {
    match list {
        [_] => "1 mistake".to_owned(),
        _ => format!("{} mistakes", list.len()),
    }
}

fn lines(title: &str, list: &[impl ToString]) -> String {
    match list {
        [one] => one.to_string(),
        _ => list.iter().fold(format!("{title}:"), |text, each| format!("{text}\n  - {}", each.to_string())),
    }
}

/// A status for people. Its message may come from another machine.
fn status_text(status: &Status) -> String {
    let message = terminal::one_line(status.message(), 500);
    match status.code() {
        _ if message.is_empty() => format!("the coordinator refused: {}", status.code()),
        Code::Unavailable => format!("the coordinator is gone: {message}"),
        Code::Unimplemented => {
            format!("the coordinator does not know this request; is it of another version? ({message})")
        }
        Code::Internal | Code::Unknown => format!("the coordinator failed: {message}"),
        _ => message,
    }
}

// === impl MistakeReport ===

impl MistakeReport {
    /// A mistake at `span` of `text`, which stands in the file shown as `name`.
    pub(crate) fn new(
        name: &str,
        text: &str,
        span: std::ops::Range<usize>,
        what: &str,
        help: Option<String>,
    ) -> Self {
        let help = help.map(|help| terminal::plain(&help));
        if text.is_empty() {
            return Self { title: format!("{name}: {}", terminal::plain(what)), help, source: None };
        }
        let start = floor(text, span.start);
        let end = floor(text, span.end).max(start);
        let (line, column) = place(text, start);
        let end = floor(text, end.min(start.saturating_add(MARKED_BYTES_MAX)));
        // What follows is cut off, so that a line of a million characters fills no terminal.
        let text = &text[..floor(text, end.saturating_add(SHOWN_BYTES_MAX))];
        Self {
            title: format!("{name}:{line}:{column}: {}", terminal::plain(what)),
            help,
            source: Some((NamedSource::new(name, terminal::same_length(text)), (start, end - start).into())),
        }
    }
}

/// The next boundary of a character at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn place(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

impl std::fmt::Display for MistakeReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.title)
    }
}

impl std::error::Error for MistakeReport {}

impl Diagnostic for MistakeReport {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn std::fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source.as_ref().map(|(source, _)| source as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (_, span) = self.source.as_ref()?;
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(None, *span))))
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;

    fn shown(failure: &dyn Diagnostic) -> String {
        let mut text = String::new();
        let handler =
            miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::none()).with_width(200);
        handler.render_report(&mut text, failure).expect("a report");
        text
    }

    #[test]
    fn a_mistake_is_shown_with_file_line_column_what_and_help() {
        let text = "name = \"x\"\nsedes = 3\n";
        let report = MistakeReport::new(
            "s.toml",
            text,
            11..16,
            "unknown key `sedes`",
            Some("did you mean `seeds`?".into()),
        );
        let shown = shown(&report);
        for part in ["s.toml:2:1: unknown key `sedes`", "sedes = 3", "did you mean `seeds`?"] {
            assert!(shown.contains(part), "{part} is missing in:\n{shown}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_has_no_line_to_point_at() {
        let report = MistakeReport::new("suite.toml", "", 0..0, "is missing", Some("make one".to_owned()));
        let text = shown(&report);
        assert!(text.contains("suite.toml: is missing") && text.contains("make one"), "{text}");
        assert!(!text.contains(":1"), "{text}");
    }

    #[test]
    fn a_span_beyond_the_file_or_inside_a_character_is_no_panic() {
        for span in [99..120, 1..2, Range { start: 2, end: 1 }] {
            let report = MistakeReport::new("s.toml", "öä", span, "what", None);
            assert!(shown(&report).contains("s.toml:1:"));
        }
    }

    #[test]
    fn a_line_of_a_megabyte_is_not_shown_as_a_whole() {
        let text = format!("name = \"x\"\n{}", "long ".repeat(200_000));
        for span in [11..11, 11..text.len()] {
            let shown = shown(&MistakeReport::new("s.md", &text, span, "too long", None));
            assert!(shown.contains("s.md:2:1: too long"), "{shown}");
            assert!(shown.len() < 20_000, "{} bytes", shown.len());
        }
    }

    #[test]
    fn a_hostile_file_reaches_no_terminal() {
        let report = MistakeReport::new("s.toml", "a = \"\u{1b}[2J\"", 0..1, "no \u{1b}[31msuch key", None);
        assert!(!shown(&report).contains('\u{1b}'));
        let status = Status::internal("boom \u{1b}[2J\nsecond");
        assert!(!shown(&Failure::from(status)).contains('\u{1b}'));
    }

    #[test]
    fn wrong_input_exits_with_2_and_failed_work_with_1() {
        assert_eq!(Failure::NoSweep.exit(), Exit::BadInput);
        assert_eq!(Failure::from(Status::not_found("x")).exit(), Exit::BadInput);
        assert_eq!(Failure::from(Status::unavailable("x")).exit(), Exit::Incomplete);
        assert_eq!(Failure::Stopped("x".into()).exit(), Exit::Incomplete);
    }
}
