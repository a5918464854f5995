//! Brakes by principle: what no answer of a kind may stand beside. Rules that read rare forms know little of what is around
//! them, so every number of the report has to be accounted for before they are believed.

use super::SAME;
use super::broken::{ends_in_bare_number, is_broken_off};
use super::findings::told;
use super::languages::{AVERAGE, EARLIER, FIGURE, OTHERS, TRUST, WHOLE};
use super::number_words::has_number_word;
use super::numbers::{Number, Of, numbers};
use super::page::{Line, lines};
use super::path::{Path, Reading};
use super::{Asked, Piece, Place};

/// Characters between a word for the average and its number: `is `, `: `, `点は`.
const AVERAGE_CHARS_MAX: usize = 4;

/// A sure reading, with all that it is to be believed beside.
struct Braked<'a> {
    path: Path,
    pieces: &'a [Piece],
    page: Vec<Line>,
    known: Known,
    /// In small letters.
    evidence: String,
}

/// What stops a reading, and why it does.
type Brake<'a> = (fn(&Braked<'a>) -> bool, &'static str);

/// The first that is so counts.
const fn brakes<'a>() -> [Brake<'a>; 15] {
    [
        (Braked::breaks_off, "it breaks off"),
        (Braked::has_number_words, "a number in words is not read"),
        (Braked::begins_a_list, "a list may have been begun"),
        (Braked::is_unaccounted, "a number is not accounted for"),
        (Braked::has_average_beside_bar, "an average stands beside words about the bar"),
        (Braked::is_out_of_others, "what it is out of stands before it"),
        (Braked::has_amount_beside_bar, "an amount in words may be the result"),
        (Braked::has_other_items, "what is scored may be something else, or was changed"),
        (Braked::is_extreme, "the best or the worst of something"),
        (Braked::is_named_item, "it may be the score of an item that is named"),
        (Braked::is_of_item, "it may be the score of an item"),
        (Braked::is_count, "it may be a count"),
        (Braked::declines_and_averages, "it declines and gives a number"),
        (Braked::is_example, "it may be an example"),
        (Braked::tells_something, "prose that no rule knows"),
    ]
}

/// Why a sure reading is not to be believed after all.
pub(super) fn doubt(reading: &Reading, pieces: &[Piece], asked: Asked) -> Option<&'static str> {
    let Asked::Score { threshold, items } = asked else { return None };
    let braked = Braked {
        path: reading.path?,
        pieces,
        page: pieces.iter().flat_map(|piece| lines(&piece.text)).collect(),
        known: Known { score: reading.answer.score(), bar: threshold, items },
        evidence: reading.evidence.to_lowercase(),
    };
    brakes().into_iter().find(|(is_so, _)| is_so(&braked)).map(|(_, why)| why)
}

// === impl Braked ===

impl Braked<'_> {
    fn any_line(&self, is_so: impl Fn(&str) -> bool) -> bool {
        self.page.iter().any(|line| is_so(&line.low))
    }

    fn is_scored(&self) -> bool {
        self.known.score.is_some()
    }

    /// Whether a line has a number that is neither known nor said to be another's.
    fn is_open(&self, low: &str) -> bool {
        let is_aside = [&EARLIER, &OTHERS, &TRUST, &FIGURE].iter().any(|words| words.are_in(low));
        !is_aside && numbers(low).iter().any(|number| !self.known.has(number))
    }

    /// Whether the rule that read it is rarely right for sure.
    fn is_rare(&self) -> bool {
        matches!(self.path, Path::ScoreSentence | Path::LoneNumber | Path::Filed | Path::Counted)
    }

    /// Whether it has no number of its own.
    fn is_bare(&self) -> bool {
        matches!(self.path, Path::BarWords | Path::Nothing | Path::OnlyWork)
    }

    fn breaks_off(&self) -> bool {
        self.path != Path::Nothing && self.pieces.last().is_some_and(|last| is_broken_off(&last.text))
    }

    fn has_number_words(&self) -> bool {
        !matches!(self.path, Path::FormLine | Path::Refusal) && self.any_line(has_number_word)
    }

    fn begins_a_list(&self) -> bool {
        self.is_rare() && self.pieces.last().is_some_and(|last| ends_in_bare_number(&last.text))
    }

    fn is_unaccounted(&self) -> bool {
        (self.is_bare() || self.is_rare()) && self.any_line(|low| self.is_open(low))
    }

    fn has_average_beside_bar(&self) -> bool {
        self.path == Path::BarWords && self.any_line(has_average)
    }

    fn is_out_of_others(&self) -> bool {
        self.path != Path::FormLine && self.is_scored() && self.any_line(is_out_of_others)
    }

    fn has_amount_beside_bar(&self) -> bool {
        self.path == Path::BarWords && self.any_line(|low| AMOUNT.is_match(low))
    }

    fn has_other_items(&self) -> bool {
        self.path == Path::Items && self.any_line(|low| CHANGED.is_match(low) || NO_ITEMS.is_match(low))
    }

    fn is_extreme(&self) -> bool {
        EXTREME.is_match(&self.evidence)
    }

    fn is_named_item(&self) -> bool {
        self.path == Path::ScoreSentence
            && !RESULT.is_match(&self.evidence)
            && NAMED_ITEM.is_match(&self.evidence)
    }

    fn is_of_item(&self) -> bool {
        let evidence = &self.evidence;
        let is_of_whole =
            [&AVERAGE, &WHOLE].iter().any(|words| words.are_in(evidence)) || REVIEW.is_match(evidence);
        self.is_scored() && self.path != Path::Items && !is_of_whole && OF_ITEM.is_match(evidence)
    }

    fn is_count(&self) -> bool {
        let is_bare = |number: &Number| number.of == Of::Unsaid;
        self.known.is_like_count() && numbers(&self.evidence).last().is_some_and(is_bare)
    }

    fn declines_and_averages(&self) -> bool {
        self.path == Path::Refusal && self.any_line(|low| AVERAGE.are_in(low) && self.is_open(low))
    }

    fn is_example(&self) -> bool {
        self.is_scored() && self.any_line(|low| EXAMPLE.is_match(low))
    }

    /// Whether its prose says something that no rule knows; what is said on the way, beside calls that only look, is of the work.
    fn tells_something(&self) -> bool {
        let mut said = self.pieces.iter().filter(|piece| piece.place != Place::Aside);
        self.path == Path::Nothing && said.any(|piece| lines(&piece.text).iter().any(tells_something))
    }
}

// How much is right, or how far from the bar it is.
pattern!(
    AMOUNT,
    r"\b(?:half of|\d+ points? (?:below|above|short|under|over|away)|three quarters|a quarter of|(?:two|2) thirds|3 quarters|a third of|full marks|full points|every (?:second|other|third)|exactly|to the point|by (?:just |only )?(?:a|one|half a|\d+(?:\.\d+)?) (?:\w+ )?points?|perfect score|(?:all|every|each|none|not one|no)(?: one)?(?: of)?(?: the| its| these)?(?: \d+)? (?:answers?|items?|outputs?|questions?|rows?|lists?)(?: \w+)? (?:is|are|was|were) (?:right|correct|wrong|incorrect|false|true|perfect))\b"
);
// The score of an item in another's place.
pattern!(
    CHANGED,
    r"\b(?:rais(?:ed|ing)|lower(?:ed|ing)|bump(?:ed|ing)|chang(?:ed|ing)|should (?:get|be|have)|re-?scored|upgraded|downgraded|add(?:ed)? \d+|minus \d+|plus \d+)\b.*\d"
);
// Rows that are no outputs under review, and numbers that are no scores.
pattern!(
    NO_ITEMS,
    r"^\W*(?:week|month|day|agent|reviewer|difficulty|length|effort)s?\s*(?:\||\d+\s*[:|]\s*\d)|^\W*(?:difficulty|effort)\w*\s*:|\bweekly\b|\bmonthly\b|\btickets?\b.*\bscor|\b(?:guess\w*|predicted|expected|provisional|so far|review (?:itself )?(?:follows|to follow))\b"
);
// A label for an end of what is possible or allowed.
pattern!(EXTREME, r"^[^:=|\d]*\b(?:min|max)(?:imum|imal)?\b[^:=|\d]*[:=|]");
// A label for one item, or for the scores of all.
pattern!(
    OF_ITEM,
    r"^\W*(?:item|row|question|request|list|answer|output|q|no|nr|n)?\W{0,3}\d{1,2}\W{0,2}[:=–-]|^\W*(?:item|row) \d|\b(?:items?|rows?|single|lines?) scores?\b|\b(?:scores?|points) (?:by|per|of (?:each|the)|for each|in (?:the )?order)\b|\brow by row\b|\bpar ligne\b|\bpor fila\b|\beach:?\W*$"
);
// A word and its number, under a heading for scores.
pattern!(NAMED_ITEM, r"^\W*(?:scores?|rows?|points)?\W*\p{L}+ ?[:(–-]? ?\d{1,3}(?:\.\d)?\W*$");
pattern!(RESULT, r"^\W*(?:score|result|accuracy|points|grade)\b");
pattern!(REVIEW, r"\b(?:polic\w*|agent \d|review|report|reported|rubric|anchors)\b");
// Words that make what is stated no statement.
pattern!(
    EXAMPLE,
    r"\b(?:this|that|it|which|above|below)(?: line| number| figure| score)? (?:is|was) (?:only |just |merely |but )?(?:an?|the) (?:example|template|specimen|sample|placeholder|illustration)\b|^\W*(?:example|specimen)\b|\b(?:review|evaluation|scoring) (?:itself )?(?:has|have|hasn't|haven't|is) (?:not |still )?(?:yet )?(?:begun|started|to (?:be|begin|follow|come))\b|\breport itself (?:follows|will|is to (?:come|follow))\b|\bnothing has been scored\b|\bonly an example\b"
);

// A form's label with little behind it.
pattern!(
    LABEL,
    r"^\W*(?:agent|reviewer|reviewed by|author|outputs?|product|year|date|day|policy|threshold|bar|items?|rows?|answers?|lists?|requests?|number of|average|mean|overall|total|score|grade|recommendation|sheet|file|quarter|title|report|signature|category|revenue|costs?|net|result)\b[^:=]{0,40}[:=](?:\W*[^\s:]+){0,6}\W*$|^\W*(?:status|state|verdict|conclusion|remarks?|notes?|comments?)\W{0,4}[:=]\W*(?:draft|pending|tbd|completed?|done|filed|open|in progress|review in progress|none|n/a|-|_)*\W*$"
);
// What is said of the work itself: that it is done, is to come, or did not succeed.
pattern!(
    OF_WORK,
    r"\b(?:reports?|forms?|templates?|files?|evaluation|review|task|work|job|sheet|document|figures?|drive|policy|remarks|part \d|rest|obligations|everything|it|this|bericht|rapport|informe|rapporto|relatório|aufgabe|レポート|作業)\b.{0,80}\b(?:saved|stored|filed|fill(?:ed)?|completed?|finished|done|created|written|copied|attached|attachment|follows?|delivered|exported|continued|carried out|order|taken from|discharged|handled|submitted|sent|added up|begin|began|opened|viewed|read|scored|found|error|laufwerk|erledigt|tomorrow|later|soon|service)\b|\b(?:saved|filed|stored|created|wrote|see|attached|writing|opening|reading|please review|exported|submitted|to be|will be|is carried)\b|^\W*(?:q[1-4] |annual |financial |product |evaluation )+(?:review |report )?(?:of |for |on )?(?:the )?(?:\w+ )?agent \d\W*$|\b(?:revenue|costs?|compute|staff|headcount|thousand dollars)\b|^\W*(?:\w+ ){0,3}review (?:of )?agent[ -]\d\W*$|\bso far\b|\b(?:thanks?|thank you)\b|(?:完了|保存|提交|完成)"
);

/// Whether a number follows a word for the average at once: `the average is 90`, and not `the average is below the bar of 80`.
fn has_average(low: &str) -> bool {
    let follows = |number: &Number| {
        let end = AVERAGE.last_end(&low[..number.start]);
        end.is_some_and(|end| low[end..number.start].chars().count() <= AVERAGE_CHARS_MAX)
    };
    numbers(low).iter().any(follows)
}

/// Whether a sentence begins with what its score is out of, and that is not a hundred: `out of 20 points it earns 12.4`.
fn is_out_of_others(low: &str) -> bool {
    OUT_OF.captures_iter(low).any(|found| found.get(1).is_some_and(|of| of.as_str() != "100"))
}

pattern!(
    OUT_OF,
    r"(?:^|[.;:!?] |, )(?:out )?of (?:the |a total of )?(\d+) (?:points|marks|punkte|puntos|pontos)\b"
);

/// Whether a line says something that could be a result in words that no rule knows.
fn tells_something(line: &Line) -> bool {
    let low = line.low.trim();
    let is_row = line.is_heading || low.contains('|') || low.starts_with(|c: char| c.is_ascii_digit());
    if is_row || LABEL.is_match(low) {
        return false;
    }
    told(low).any(|sentence| sentence.split_whitespace().count() >= 3 && !OF_WORK.is_match(sentence))
}

/// The numbers of a job that are no result.
struct Known {
    score: Option<f64>,
    bar: Option<f64>,
    items: Option<u32>,
}

// === impl Known ===

impl Known {
    /// Whether the score is as small as a count of items.
    fn is_like_count(&self) -> bool {
        let items = self.items.map_or(0.0, f64::from);
        self.score.is_some_and(|score| score > 0.0 && score <= items && score.fract() == 0.0)
    }

    fn has(&self, number: &Number) -> bool {
        let is = |wanted: f64| (wanted - number.value).abs() <= SAME;
        let is_count = number.value.fract() == 0.0
            && self.items.is_some_and(|items| match number.of {
                Of::Unsaid | Of::Points => number.value <= f64::from(items),
                Of::Whole(of) => of == f64::from(items) && (is(of) || self.score.is_some()),
                Of::Percent => false,
            });
        let bar = self.bar.unwrap_or(-1.0);
        let score = self.score.unwrap_or(-1.0);
        let shares = [bar, bar / 10.0, bar / 100.0, score, score / 10.0, score / 100.0];
        let anchors = [0.0, 50.0, 100.0];
        let distances = [(bar - score).abs(), 100.0 - score];
        let has_score = self.score.is_some();
        is_count
            || shares.into_iter().any(is)
            || matches!(number.of, Of::Unsaid | Of::Points | Of::Whole(100.0)) && anchors.into_iter().any(is)
            || has_score && distances.into_iter().any(is)
    }
}
