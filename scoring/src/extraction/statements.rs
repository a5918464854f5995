//! Statements of a result in running text: each number that could be a score, what it is said to be, and how firmly.

use std::sync::LazyLock;

use regex::Regex;

use super::languages::{
    AVERAGE, BAR, DRAFT, EARLIER, FIGURE, IF, IMPRESSION, ON_RECORD, OTHERS, PART, REVISED, RIGHT, SCORE,
    TRUST, WHOLE, WRONG, Words,
};
use super::numbers::{Number, Of, is_in_range, numbers, without_sums};
use super::page::cut;

/// What a number is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// Something else for certain: a bar, another period, another agent, another figure, a count.
    Other,
    /// A result, but not the reported one: of a part, of a draft, a guess, an impression, a case that is not.
    Overtaken,
    /// Could be a score; nothing says of what.
    Loose,
    /// The result. More is firmer: 2 a score, 3 an average, 4 the overall average, 6 and more the corrected or recorded one.
    Result(u8),
    /// Filed, by its own words, and not said to be a score: `I report 60`.
    Recorded,
    /// A result and a reason against it.
    Doubtful,
}

/// A number that could be a score.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    /// From 0 to 100; none if its scale can't be told.
    pub(super) score: Option<f64>,
    /// What it is said to be.
    pub(super) role: Role,
    /// Which piece it is in.
    pub(super) piece: usize,
    /// Whether it was written on a line of the form `Average score: 60/100`.
    pub(super) is_form: bool,
    /// Whether it was written as so many of something, as percent or as points.
    pub(super) is_scored: bool,
    /// Whether it was written as one of a hundred.
    pub(super) is_of_hundred: bool,
    /// Whether it is the bar's number.
    pub(super) is_at_bar: bool,
    /// The text that says so.
    pub(super) text: String,
}

/// Reads lines in order; remembers headings and unfinished sentences.
pub(super) struct Reader<'a> {
    /// The job's bar.
    pub(super) threshold: Option<f64>,
    /// How many items there are.
    pub(super) items: Option<u32>,
    /// The latest quarter that is named anywhere, if several are.
    pub(super) quarter: Option<char>,
    /// The latest year that is named anywhere.
    pub(super) year: Option<u32>,
    /// Whether the text names a scale of 0 to 10, or 0 to 1.
    pub(super) scale: Option<f64>,
    /// What has been found.
    pub(super) found: &'a mut Vec<Statement>,
    piece: usize,
    heading: Heading,
    pending: Pending,
    /// Whether the line quotes.
    is_quoted: bool,
}

/// What a section is about, by its heading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heading {
    Open,
    Aside,
}

/// What was begun and still lacks its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Pending {
    firmness: u8,
    is_aside: bool,
    is_overtaken: bool,
    /// Whether it is another time's or another agent's.
    is_open: bool,
    /// Whether nothing stands between its words and its number: `the average (62)`.
    is_direct: bool,
}

macro_rules! pattern {
    ($name:ident, $pattern:expr) => {
        #[allow(clippy::expect_used, reason = "a constant pattern, compiled by every test")]
        static $name: LazyLock<Regex> = LazyLock::new(|| Regex::new($pattern).expect("it is a pattern"));
    };
}

pattern!(SENTENCE, r"[.!?](?:\s|$)|[;。!?]|\.(?:[^\d\s.,)a-z/]|$)");
pattern!(
    CLAUSE,
    r", | - |,(?:[^\d\s])|[()\[\]]| (?:and|und|et|och|y|e|i|и) [^\d]| (?:but|while|whereas|although|though|even though|which|because|aber|doch|jedoch|während|obwohl|mais|alors|tandis|pero|mientras|aunque|sino|ma|mentre|sebbene|mas|enquanto|embora|maar|terwijl|hoewel|ale|lecz|chociaż|ama|ancak|но|хотя|men|medan|fast|však|zatímco|nhưng|compared|down from|up from|vs\.?|versus|against|rather than|instead of|not|than|gegenüber|statt|nicht|sondern|contre|au lieu|frente a|en lugar|contro|invece|tegenover|wobec|zamiast|против|вместо|mot|istället|oproti|místo|so|thus|hence|i\.e\.|that is|namely|however) "
);
pattern!(
    NOT_BEFORE,
    r"(?:\bnot|n't|\bnicht|\bpas|\bnon|\bno|\bniet|\bnie|\bне|\binte|\bnot the|instead of|rather than|statt|au lieu de|en lugar de|invece di|in plaats van|zamiast|вместо|istället för|místo|不是|而非|ではなく|아니라)(?: (?:the|a|an|of|to|at|by|exactly|von|de|der|die|das|le|la|les|el|il|o|het|een|quite|as|my))* ?$"
);
pattern!(
    DIFFERENCE_AFTER,
    r"^ ?(?:percentage )?(?:points?|pts?|punkte|points|puntos|punti|pontos|punten|punkt\w*|puan|балл\w*|poäng|bod\w*|分|点|점|điểm|%|percent)?[ -]*(?:short|away|shy|below|under|above|over|higher|lower|more|less|better|worse|behind|ahead|difference|gap|margin|deficit|unter|über|weniger|mehr|niedriger|höher|de (?:moins|plus)|en dessous|au-dessus|por (?:debajo|encima)|menos|más|in meno|in più|sotto|sopra|abaixo|acima|a menos|onder|boven|minder|poniżej|powyżej|mniej|ниже|выше|меньше|больше|under|över|lägre|högre|pod|nad|thấp hơn|cao hơn|的差距|不足|足りない|부족)"
);
pattern!(
    DIFFERENCE_BEFORE,
    r"(?:\bby|\bgap of|\bshortfall of|\bmargin of|\bdifference of|\bdistance of|\bdrop of|\brise of|\bincrease of|\bdecrease of|\bimprovement of|\bloses?|\blost|\bgained?|\bum|\bplus|\bminus|差|低了|高了) ?(?:only |about |some |just |exactly )?$"
);
pattern!(
    NEEDED_AFTER,
    r"^ ?(?:points?|%|/100)? ?(?:is|are|was|were|would be|being)? ?(?:the )?(?:required|needed|necessary|minimum|demanded|expected|called for|bar\b|threshold|or (?:more|higher|above|better)|and (?:above|over|up)|erforderlich|nötig|gefordert|verlangt|oder mehr|requis|exigés?|nécessaires?|ou plus|requerid|necesari|exigid|o más|richiest|necessari|o più|ou mais|vereist|nodig|of meer|wymagan|lub więcej|gerekli|gerekiyor|ve üzeri|требу|необходим|или выше|krävs|eller mer|požadov|nebo více|分以上|点以上|점 이상|以上|이상)"
);
pattern!(
    NEEDED_BEFORE,
    r"(?:\bat least|\bmust (?:be|reach|average)|\bneeds?(?: to (?:be|reach|average))?|\bto reach|\bto pass|\bunless|mindestens|au moins|al menos|almeno|pelo menos|minstens|co najmniej|en az|не менее|не ниже|minst|alespoň|ít nhất|至少|最低|少なくとも|적어도|below|under|above|over|exceeds?|beats?|misses|reaches|reached|meets?|met|unter|über|sous|au-dessus de|sotto|sopra|superior a|inferior a|por (?:debajo|encima) de(?: los)?|abaixo de|acima de|onder|boven|poniżej|powyżej|ниже|выше|under|över|pod|nad|dưới|trên|低于|高于|未达到?|达到|超过|を下回|を上回)(?: (?:the|de|der|den|les|los|las|le|la|el|i|os|as))? ?$"
);
pattern!(
    IF_AFTER,
    r"^[ ,(-]*(?:if|provided|assuming|wenn|falls|sofern|si|se|als|indien|jeśli|если|om|pokud|nếu)\b"
);
pattern!(
    SCALE_RANGE,
    r"(?:[(\[,] ?|\b(?:scale|from|skala|échelle|escala|scala|schaal|von|de|range)(?: of| from| von| de)? )[01] ?(?:-|to|bis|à|a|al|~) ?(?:100|10|5|1)\b ?[)\]]?"
);
pattern!(
    CORRECTS,
    r"\b(?:correct(?:ed|ion)|corrects|i correct|should (?:be|read|have been)|miscount\w*|erratum|recount\w*|i was wrong|my mistake|mis-?read|replaces|supersedes|korrektur|korrigier\w*|berichtig\w*|rectific\w*|corrección|correzione|correção|correctie|korekta|düzeltme|исправл\w*|rättelse|oprava|đính chính)\b|更正|订正|訂正|정정|सुधार"
);
pattern!(
    COMPARES,
    r"\b(?:than|near|short of|below|above|under|over|reach\w*|compare\w*|keeps?|clear\w*|exceed\w*|beat\w*|miss\w*|met|meets?|pass\w*|against|with|your|the|unter|über|sous|sur|de|inférieure? à|supérieure? à|inferior a|superior a|sotto|sopra|onder|boven)\b(?: \w+){0,2} ?$"
);
pattern!(
    ROUNDED_FROM,
    r"\b(?:rounded (?:up |down )?from|unrounded:?|before rounding:?|gerundet von|arrondi de|redondeado de) ?$"
);
pattern!(
    IS_DONE,
    r"\b(?:review(?:ed|s)?|scored|processed|complete[d]?|checked|geprüft|bewertet|examin\w*|read|viewed|seen|rated|judged|evaluated|covered|answered)\b"
);
// A figure by another count than the one that was asked for.
pattern!(
    VARIANT,
    r"\b(?:without|excluding|except|leaving out|apart from|disregarding|ignoring|not counting|counting only|unweighted|before (?:the )?(?:penalt\w*|deduction\w*|bonus\w*)|gross|ohne|sans|sin|senza|sem|zonder|bez|без|utan)\b"
);
pattern!(
    WAS_WRONG,
    r"^[^.,;]{0,24}\b(?:was|is|were) (?:wrong|incorrect|a mistake|an error|too (?:high|low)|not right|mistaken)|^[^.,;]{0,20}\b(?:war|ist) (?:falsch|ein fehler)|^[^.,;]{0,20}\b(?:était|est) (?:fausse?|erronée?)"
);
pattern!(
    ALL_BEFORE,
    r"\b(?:all|all of the|alle[nr]?|alle|tous|toutes|tous les|toutes les|les|las|los|todas|todos|todas las|todos los|tutte|tutti|tutte le|tutti i|as|os|todas as|todos os|wszystkich|alla|všech|всех|всем|the|these|those|of|over|across|from|on|in|de|der|von|den|über|sur|sobre|su|over de|met|全部?|全) ?$"
);
pattern!(
    FORM,
    r"^\W{0,6}(?:(?:the|final|overall|total|reported|my|die|le|la|el|il)\s)?[^\d:=]{0,40}[:=]\s*(?:[^\w\s]\s*)?$"
);
pattern!(
    CHANGE,
    r"\b(?:fell|fallen|falls|drop\w*|declin\w*|rose|risen|rises|rais\w*|increas\w*|decreas\w*|improv\w*|went|gone|slipp\w*|down|up|changed?|changes|corrected|revised|adjusted|lowered|amended|updated)\b"
);
pattern!(FROM, r"\bfrom (?:an? |the )?(?:average |score |mean |initial |earlier |previous )?(?:of )?$");
pattern!(TO_AFTER, r"^ ?(?:%|points?|/100)? ?(?:down |up )?(?:to|->|→|=>)");
pattern!(ARROW_BEFORE, r"\d ?(?:%|points?|/100)? ?(?:->|→|=>) ?$");
pattern!(ARROW_AFTER, r"^ ?(?:->|→|=>) ?\d");
pattern!(
    SCALE_TEN,
    r"(?:scale|skala|échelle|escala|scala|schaal|шкал\w*|škál\w*|thang)[^.]{0,24}(?:0|1) ?(?:-|to|bis|à|a|al|tot|do|до|till|đến) ?(\d+)|(?:0|1) ?(?:-|to|bis|à) ?(\d+) scale|/ ?(10|5|1)\b|out of (10|5|1)\b|(10|5|1)-point scale"
);
pattern!(
    COUNT_AFTER,
    r"^ ?(?:of (?:the|them|these)|yes\b|no\b|true\b|false\b|pass(?:ed|es)?\b|fail(?:ed|s)?\b|hits?\b|errors?\b|mistakes?\b|(?:[a-z]+ )?(?:answers?|outputs?|rows?|items?|questions?|requests?|lists?|replies)\b|answers?|items?|outputs?|questions?|rows?|lists?|keywords?|requests?|responses?|replies|entries|antworten|ausgaben|fragen|zeilen|réponses|questions|lignes|respuestas|preguntas|filas|risposte|domande|righe|respostas|perguntas|linhas|antwoorden|vragen|rijen|odpowiedzi|pytań|wierszy|cevap|yanıt|soru|ответ|вопрос|строк|svar|frågor|rader|odpověd|otáz|câu|题|問|문항|문제|right|correct|wrong|incorrect|richtig|falsch|korrekt)"
);
pattern!(
    COUNT_BEFORE,
    r"(?:items|questions|answers|rows|outputs|lists|requests|responses|replies|entries|antworten|ausgaben|fragen|zeilen|réponses|questions|lignes|respuestas|preguntas|filas|risposte|domande|righe|respostas|perguntas|antwoorden|vragen|rijen|उत्तर|प्रश्न)[a-z ]{0,20}\W{0,4}$"
);

/// Bytes of a sentence that is read: words around a number are looked for in all of it.
const SENTENCE_BYTES_MAX: usize = 2_048;
/// Bytes of a statement's text that are kept.
const TEXT_BYTES_MAX: usize = 240;

/// The scale that a text names, if it names one and only one that is not 0 to 100.
pub(super) fn named_scale(text: &str) -> Option<f64> {
    if text.contains("trust") {
        return None;
    }
    let scales: Vec<f64> = SCALE_TEN
        .captures_iter(text)
        .filter_map(|found| found.iter().skip(1).flatten().next()?.as_str().parse().ok())
        .filter(|scale| *scale > 0.0)
        .collect();
    let first = scales.first().copied()?;
    (scales.iter().all(|scale| *scale == first) && [1.0, 5.0, 10.0, 100.0].contains(&first)).then_some(first)
}

/// Whether a line is but a division by the number of items, with its result: `550 / 10 = 55`.
fn is_mean_alone(low: &str, items: u32) -> bool {
    pattern!(MEAN, r"^[\d\s.,+x*()]+/ ?(\d+) ?= ?\d[\d.,]*\s*$");
    MEAN.captures(low).is_some_and(|found| found[1].parse() == Ok(items))
}

/// The years that a text names.
pub(super) fn years(text: &str) -> impl Iterator<Item = u32> {
    pattern!(YEAR, r"\b20\d\d\b");
    YEAR.find_iter(text).filter_map(|year| year.as_str().parse().ok())
}

// === impl Reader ===

impl<'a> Reader<'a> {
    pub(super) fn new(found: &'a mut Vec<Statement>) -> Self {
        let open = Pending::default();
        Self {
            threshold: None,
            items: None,
            quarter: None,
            year: None,
            scale: None,
            found,
            piece: 0,
            heading: Heading::Open,
            pending: open,
            is_quoted: false,
        }
    }

    /// Begins a piece.
    pub(super) fn begin(&mut self, piece: usize) {
        self.piece = piece;
        self.heading = Heading::Open;
        self.pending = Pending::default();
    }

    /// Reads a heading.
    pub(super) fn heading(&mut self, low: &str) {
        let is_aside = EARLIER.are_in(low) || OTHERS.are_in(low) || TRUST.are_in(low) || BAR.are_in(low);
        self.heading = if is_aside { Heading::Aside } else { Heading::Open };
        self.pending = Pending::default();
        self.line(low);
        if numbers(low).is_empty() {
            self.pending = self.begun(low);
        }
    }

    /// Reads a line that is no heading.
    pub(super) fn line(&mut self, low: &str) {
        let is_mean = self.items.is_some_and(|items| is_mean_alone(low, items));
        let low = if is_mean { &format!("average: {low}") } else { low };
        self.is_quoted = low.trim_start().starts_with('>');
        let low = SCALE_RANGE.replace_all(&without_sums(low), " ").into_owned();
        if low.trim().is_empty() {
            return;
        }
        let mut start = 0;
        for end in SENTENCE.find_iter(&low).map(|end| end.end()).chain([low.len()]) {
            // A sentence's end inside of a character's bytes can't be: the pattern matches characters.
            if end > start {
                self.sentence(&low[start..end]);
                start = end;
            }
        }
    }

    fn sentence(&mut self, sentence: &str) {
        if sentence.len() > SENTENCE_BYTES_MAX {
            return self.give_up(sentence);
        }
        pattern!(
            STEP,
            r"^\W*(?:plan\b|i'll\b|i will (?:now|then|next)\b|let me\b|\d[.)] (?:read|open|give|average|compare|write|score|view|list|compute|calculate|file|save|check)\b|(?:average|compare|compute|calculate|add up) the\b)"
        );
        // The number of a list's line.
        let bare = sentence.trim();
        if bare.len() <= 3 && bare.ends_with('.') || STEP.is_match(sentence) {
            return;
        }
        self.clauses(sentence);
        let is_key = sentence.split_whitespace().count() <= 3
            && self.pending.firmness > 0
            && !sentence.contains(|c: char| c.is_ascii_digit())
            && !sentence.trim_end().ends_with('.');
        if !sentence.trim_end().ends_with([':', '=', '?']) && !is_key {
            self.pending = Pending::default();
        }
    }

    /// Whatever a sentence without an end says, it is left to a judge.
    fn give_up(&mut self, sentence: &str) {
        self.found.push(Statement {
            score: None,
            role: Role::Doubtful,
            piece: self.piece,
            is_form: false,
            is_scored: true,
            is_of_hundred: false,
            is_at_bar: false,
            text: cut(sentence, TEXT_BYTES_MAX).to_owned(),
        });
    }

    fn clauses(&mut self, sentence: &str) {
        let mut start = 0;
        let breaks: Vec<usize> = CLAUSE.find_iter(sentence).map(|found| found.start()).collect();
        for end in breaks.into_iter().chain([sentence.len()]) {
            if end > start {
                let is_if = IF.are_in(&sentence[..end]) || IF_AFTER.is_match(&sentence[end..]);
                self.clause(&sentence[start..end], sentence, is_if);
                start = end;
            }
        }
    }

    fn clause(&mut self, clause: &str, sentence: &str, is_if: bool) {
        let mut found = numbers(clause);
        let last = found.last().map_or(0, |last| last.start);
        found.retain(|number| !self.is_count(number, clause, last));
        for (place, number) in found.iter().enumerate() {
            let from = if place == 0 { 0 } else { found[place - 1].end };
            let until = found.get(place + 1).map_or(clause.len(), |next| next.start);
            let near = Near {
                before: &clause[from..number.start],
                after: &clause[number.end..until],
                clause,
                sentence,
                is_if,
                is_only: numbers(sentence).len() <= 1,
            };
            self.number(number, &near);
        }
        if found.is_empty() {
            let begun = self.begun(clause);
            if begun.firmness > 0 || begun.is_aside {
                let is_open = self.pending.is_open && self.pending.firmness == 0;
                self.pending = Pending {
                    is_open: begun.is_open || is_open,
                    is_aside: begun.is_aside || is_open,
                    ..begun
                };
            } else {
                self.pending.is_overtaken |= begun.is_overtaken;
            }
        } else if !self.pending.is_direct
            && clause.trim_start().starts_with('(')
            && clause.trim_start()[1..].trim() == clause[found[0].start..found[0].end].trim()
        {
            // A number in brackets is an aside: what was begun goes on behind it.
        } else if let Some(last) = found.last() {
            let denied = NOT_BEFORE.is_match(&clause[..found[0].start]) && found.len() == 1;
            if denied {
                self.pending.firmness = self.pending.firmness.max(firmness(&clause[..found[0].start]));
                return;
            }
            self.pending = self.begun(&clause[last.end..]);
            // `60 on average` has its number.
            self.pending.firmness = 0;
        }
    }

    /// Whether a number counts items: `all 20 items`, `over all ten: 55`.
    fn is_count(&self, number: &Number, clause: &str, last: usize) -> bool {
        let is_all = self.items.is_some_and(|items| f64::from(items) == number.value)
            && number.start < last
            && ALL_BEFORE.is_match(&clause[..number.start]);
        let is_labelled = self.items.is_some_and(|items| f64::from(items) == number.value)
            && COUNT_BEFORE.is_match(&clause[..number.start]);
        number.of == Of::Unsaid && (is_all || is_labelled || COUNT_AFTER.is_match(&clause[number.end..]))
    }

    /// What a text without a number begins.
    fn begun(&self, text: &str) -> Pending {
        Pending {
            firmness: firmness(text),
            is_aside: self.is_aside(text)
                || BAR.are_in(text)
                || FIGURE.are_in(text) && !text.trim_start().starts_with('('),
            is_overtaken: is_overtaken(text),
            is_open: self.is_aside(text),
            is_direct: [&AVERAGE, &SCORE]
                .iter()
                .any(|words| words.last_end(text) == Some(text.trim_end().len())),
        }
    }

    fn is_aside(&self, text: &str) -> bool {
        EARLIER.are_in(text)
            || OTHERS.are_in(text)
            || TRUST.are_in(text)
            || self.is_other_quarter(text)
            || self.is_other_year(text)
    }

    fn is_other_year(&self, text: &str) -> bool {
        pattern!(IN_YEAR, r"\bin 20\d\d\b");
        self.year.is_some_and(|latest| years(text).any(|year| year < latest))
            || IN_YEAR.is_match(text) && AVERAGE.are_in(text)
    }

    fn is_other_quarter(&self, text: &str) -> bool {
        pattern!(QUARTER, r"\b(?:q|t)([1-4])\b|\b([1-4])q\b");
        let Some(latest) = self.quarter else { return false };
        QUARTER
            .captures_iter(text)
            .any(|found| found.iter().skip(1).flatten().any(|digit| !digit.as_str().starts_with(latest)))
    }

    fn number(&mut self, number: &Number, near: &Near<'_>) {
        let role = self.role(number, near);
        let score = self.score(number, role);
        let is_form =
            FORM.is_match(near.before) && near.clause.starts_with(near.before) && firmness(near.before) >= 3;
        let role = match (role, score) {
            // Sums and counts: 1200 points, 300 in total.
            (Role::Result(_) | Role::Loose, None) if number.value > 100.0 => Role::Other,
            (Role::Result(_), _) if self.is_quoted => Role::Overtaken,
            _ => role,
        };
        if matches!(role, Role::Result(_)) {
            self.pending = Pending::default();
        }
        let is_scored = !matches!(number.of, Of::Unsaid);
        let is_at_bar = self.threshold.is_some_and(|bar| (bar - number.value).abs() < 1e-9);
        let is_of_hundred = number.of == Of::Whole(100.0);
        let text = cut(near.sentence.trim(), TEXT_BYTES_MAX).to_owned();
        self.found.push(Statement {
            score,
            role,
            piece: self.piece,
            is_form,
            is_scored,
            is_of_hundred,
            is_at_bar,
            text,
        });
    }

    fn role(&self, number: &Number, near: &Near<'_>) -> Role {
        let window = format!("{} {}", near.before, near.after);
        let is_scored = !matches!(number.of, Of::Unsaid);
        if DIFFERENCE_AFTER.is_match(near.after)
            && !(near.after.starts_with(' ') && firmness(near.before) >= 3)
            || DIFFERENCE_BEFORE.is_match(near.before)
            || ROUNDED_FROM.is_match(near.before)
            || (self.heading == Heading::Aside && firmness(near.before) < 4)
        {
            return Role::Other;
        }
        if ARROW_AFTER.is_match(near.after)
            || (FROM.is_match(near.before)
                && (CHANGE.is_match(near.sentence) || TO_AFTER.is_match(near.after)))
        {
            return Role::Overtaken;
        }
        if self.is_aside(&window) {
            return Role::Other;
        }
        if NEEDED_AFTER.is_match(near.after) || is_bar(near) {
            return Role::Other;
        }
        if let Some(role) = self.counted(number, near) {
            return role;
        }
        let firm = self.firm(near);
        if self.pending.is_aside && firmness(near.before) == 0 && firm == 0 {
            return Role::Other;
        }
        if self.pending.is_aside && firmness(near.before) > 0 && self.pending.is_open {
            return Role::Doubtful;
        }
        if FIGURE.are_in(near.before) && firm < 4 || TRUST.are_in(near.sentence) && firm < 3 {
            return Role::Other;
        }
        let role = self.weighed(firm, near, &window, is_scored);
        let at_bar = self.threshold.is_some_and(|bar| (bar - number.value).abs() < 1e-9);
        match role {
            Role::Loose | Role::Recorded if at_bar => Role::Other,
            Role::Loose
                if number.of == Of::Unsaid
                    && self.items.is_some_and(|items| f64::from(items) == number.value) =>
            {
                Role::Other
            }
            Role::Result(firm)
                if number.of == Of::Unsaid
                    && self.items.is_some_and(|items| f64::from(items) == number.value)
                    && !FORM.is_match(near.before) =>
            {
                if firm <= 2 {
                    Role::Other
                } else {
                    Role::Doubtful
                }
            }
            Role::Result(_) | Role::Doubtful
                if at_bar && (NEEDED_BEFORE.is_match(near.before) || COMPARES.is_match(near.before)) =>
            {
                Role::Other
            }
            _ if is_range(near, number) && firmness(near.before) == 0 => Role::Other,
            Role::Result(_) if at_bar && !FORM.is_match(near.before) && BAR.are_in(near.sentence) => {
                Role::Other
            }
            Role::Result(_) if at_bar && !FORM.is_match(near.before) => Role::Doubtful,
            Role::Result(_) | Role::Loose if is_range(near, number) => Role::Doubtful,
            _ => role,
        }
    }

    /// How firmly a number is said to be the result, by the words before it, after it, or before its clause.
    fn firm(&self, near: &Near<'_>) -> u8 {
        let before = firmness(near.before);
        if before > 0 {
            return before;
        }
        let after = firmness_after(near.after);
        if after > 0 {
            return after;
        }
        let is_bracketed = near.before.trim() == "(" && near.after.trim().is_empty();
        let is_aside = is_bracketed && !self.pending.is_direct;
        if self.pending.is_aside || is_aside { 0 } else { self.pending.firmness }
    }

    fn weighed(&self, firm: u8, near: &Near<'_>, window: &str, is_scored: bool) -> Role {
        let on_record = ON_RECORD.are_in(near.clause);
        let revised = REVISED.are_in(window)
            || (REVISED.are_in(near.sentence) && !DRAFT.are_in(near.sentence) && near.is_only);
        let firm =
            firm + if on_record && firm >= 2 { 2 } else { 0 } + if revised && firm >= 3 { 3 } else { 0 };
        let overtaken = NOT_BEFORE.is_match(near.before)
            || near.is_if
            || DRAFT.are_in(window)
            || VARIANT.is_match(near.before)
            || WAS_WRONG.is_match(near.after)
            || (IMPRESSION.are_in(window) && !on_record);
        let inherited = self.pending.is_overtaken;
        let is_part = PART.are_in(window) && !WHOLE.are_in(near.before);
        match firm {
            0 if on_record && !overtaken && !inherited => Role::Recorded,
            0 if overtaken || inherited => Role::Overtaken,
            0 if revised && is_scored || CORRECTS.is_match(near.sentence) => Role::Doubtful,
            0 => Role::Loose,
            _ if overtaken && REVISED.are_in(window) && !NOT_BEFORE.is_match(near.before) => Role::Doubtful,
            _ if overtaken || is_part => Role::Overtaken,
            _ if inherited && !revised => Role::Doubtful,
            firm => Role::Result(firm),
        }
    }

    /// So many of the items right, or wrong.
    fn counted(&self, number: &Number, near: &Near<'_>) -> Option<Role> {
        let items = f64::from(self.items?);
        let text = near.clause;
        let (right, wrong) = (RIGHT.are_in(text), WRONG.are_in(text) && !pure_right(text));
        match number.of {
            Of::Whole(of)
                if of == items && ![1.0, 5.0, 10.0, 100.0].contains(&of)
                    || matches!(number.of, Of::Whole(of) if of == items && (right || wrong)) =>
            {
                if wrong && !right {
                    return Some(Role::Other);
                }
                if wrong && right {
                    return Some(Role::Doubtful);
                }
                let firm = firmness(text).max(if right { 3 } else { 2 });
                if !right && firmness(near.before) < 2 && IS_DONE.is_match(near.sentence) {
                    return Some(Role::Other);
                }
                Some(
                    if self.pending.is_overtaken
                        || near.is_if
                        || DRAFT.are_in(text)
                        || PART.are_in(text)
                        || IMPRESSION.are_in(text)
                    {
                        Role::Overtaken
                    } else {
                        Role::Result(firm)
                    },
                )
            }
            // Of a part of the items.
            Of::Whole(of) if of < items && of != 1.0 && of != 5.0 && of != 10.0 => Some(Role::Other),
            Of::Percent
                if firmness(near.before) == 0
                    && (right || RIGHT.are_in(near.sentence) && !WRONG.are_in(near.sentence)) =>
            {
                Some(
                    if wrong
                        || self.pending.is_aside
                        || self.is_aside(text)
                        || PART.are_in(text)
                        || near.is_if
                    {
                        Role::Doubtful
                    } else {
                        Role::Result(3)
                    },
                )
            }
            _ => None,
        }
    }

    fn score(&self, number: &Number, role: Role) -> Option<f64> {
        let value = number.value;
        let items = self.items.map(f64::from);
        let score = match number.of {
            Of::Percent => value,
            Of::Whole(of) if [1.0, 5.0, 10.0, 20.0, 100.0, 1000.0].contains(&of) => value * 100.0 / of,
            Of::Whole(of)
                if items.is_some_and(|items| of == items || of == items * 100.0 || of == items * 10.0) =>
            {
                value * 100.0 / of
            }
            Of::Whole(_) => return None,
            Of::Points | Of::Unsaid => match (self.scale, role) {
                (Some(scale), _) if value <= scale => value * 100.0 / scale,
                (Some(_), Role::Result(_)) if value <= 10.0 => return None,
                (None, Role::Result(_)) if value > 0.0 && value < 1.0 && number.is_decimal => value * 100.0,
                (None, Role::Result(_)) if value <= 10.0 && number.of == Of::Unsaid => return None,
                _ => value,
            },
        };
        (0.0..=100.0).contains(&score).then_some(score)
    }
}

/// The words around a number.
struct Near<'a> {
    before: &'a str,
    after: &'a str,
    clause: &'a str,
    sentence: &'a str,
    is_if: bool,
    /// Whether no other number is in the sentence.
    is_only: bool,
}

/// How firmly a text speaks of the result: 2 of a score, 3 of an average or of the whole, 4 of both.
fn firmness(text: &str) -> u8 {
    match (AVERAGE.are_in(text), WHOLE.are_in(text), SCORE.are_in(text)) {
        (true, true, _) | (_, true, true) => 4,
        (true, _, true) => 4,
        (true, false, false) | (false, true, false) => 3,
        (false, false, true) => 2,
        (false, false, false) => 0,
    }
}

/// The same for what follows after a number: only its next words speak of it.
fn firmness_after(after: &str) -> u8 {
    let near = cut(after, 40);
    if AVERAGE.are_in(near) || WHOLE.are_in(near) { 3 } else { 0 }
}

fn is_overtaken(text: &str) -> bool {
    DRAFT.are_in(text) || IMPRESSION.are_in(text) && !ON_RECORD.are_in(text)
}

/// Whether the words before a number make it the bar.
fn is_bar(near: &Near<'_>) -> bool {
    let last = |words: &Words| words.last_end(near.before);
    let Some(bar) = last(&BAR) else {
        let after = cut(near.after, 24);
        return firmness(near.before) == 0 && BAR.first_start(after).is_some_and(|start| start <= 10);
    };
    let result = [&AVERAGE, &WHOLE, &SCORE].into_iter().filter_map(last).max();
    // `the required average` is a bar, and so is `average required`.
    result.is_none_or(|result| {
        bar >= result
            || near.before[bar..result].len() < 22 && !near.before[bar..result].contains([':', '|']) && {
                let between = &near.before[bar..result];
                !between.contains(" is ") && !between.contains(" with ") && !between.contains(" an ")
            }
    })
}

fn is_range(near: &Near<'_>, number: &Number) -> bool {
    is_in_range(near.clause, number) && !ARROW_BEFORE.is_match(near.before) && !CHANGE.is_match(near.sentence)
}

/// `incorrect` contains no right answer; but a list of words may call `correct` both.
fn pure_right(text: &str) -> bool {
    RIGHT.are_in(text)
        && !["wrong", "incorrect", "falsch", "fehler", "error", "mistake", "错", "誤", "틀", "ошиб", "неверн"]
            .iter()
            .any(|word| text.contains(word))
}
