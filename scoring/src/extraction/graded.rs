//! The decision on a finance report: the grade that counts, and what is recommended.

use super::findings::{OWN, told};
use super::grade::{Advice, GradeWord, RecommendationWord, actions, grades, is_name, recommendations};
use super::languages::{EARLIER, OTHERS};
use super::page::{Line, lines};
use super::path::{Path, Reading};
use super::refusal::{Refusal, refusal};
use super::terse;
use super::{Answer, Piece, Place};

/// What is found in a finance report.
#[derive(Default)]
struct Found {
    said: Vec<GradeWord>,
    advice: Vec<RecommendationWord>,
    /// What is said to be done, not recommended.
    acts: Vec<RecommendationWord>,
    /// Of which piece, how openly, and in which words.
    refusals: Vec<(usize, Refusal, String)>,
    /// Whether there are sentences that could say more.
    has_prose: bool,
}

/// What a finance report gives.
pub(super) fn grade(pieces: &[Piece]) -> Reading {
    let Found { said, advice, acts, refusals, has_prose } = find(pieces);
    // Where nothing is said to be recommended, what is said to be done is.
    let is_other = acts.iter().any(|act| {
        let is_given = matches!(act.advice, Advice::Given(_));
        let last = advice.iter().rfind(|word| word.firmness > 0);
        is_given && last.is_some_and(|last| act.piece >= last.piece && act.advice != last.advice)
    });
    let advice = if advice.is_empty() { acts } else { advice };
    let counted: Vec<&GradeWord> = said.iter().filter(|word| word.firmness > 0).collect();
    if counted.is_empty() {
        return ungraded(&said, &advice, &refusals, has_prose);
    }
    // Who protests, and grades in a later file after all, does not decline.
    let is_after = |refused: usize| {
        let in_file = |word: &&&GradeWord| {
            word.firmness >= 2 && word.piece > refused && pieces[word.piece].place == Place::Created
        };
        counted.iter().any(|word| in_file(&word))
    };
    let declines = refusals.iter().any(|(piece, refusal, _)| *refusal == Refusal::Open && !is_after(*piece));
    let extraction = graded(&counted, &advice, declines, pieces);
    match extraction.is_sure() && is_other {
        true => Reading::unsure(extraction.answer, "another action is named", &extraction.evidence),
        false => extraction,
    }
}

/// What a report says in which no grade is given.
fn ungraded(
    said: &[GradeWord],
    advice: &[RecommendationWord],
    refusals: &[(usize, Refusal, String)],
    has_prose: bool,
) -> Reading {
    if let Some((_, _, text)) = refusals.iter().find(|(_, refusal, _)| *refusal == Refusal::Open) {
        return match said.is_empty() || said.iter().all(|word| word.firmness == 0) && advice.is_empty() {
            true => Reading::sure(Path::Refusal, Answer::Refused, text),
            false => Reading::unsure(Answer::Refused, "it declines and names grades", text),
        };
    }
    let is_advised = advice.iter().any(|word| word.advice != Advice::NoneGiven);
    match said.is_empty() && refusals.is_empty() && !is_advised && !has_prose {
        true => Reading::sure(Path::Nothing, Answer::Nothing, ""),
        false => Reading::unsure(Answer::Nothing, "no rule reads what it says", ""),
    }
}

fn find(pieces: &[Piece]) -> Found {
    let mut found = Found::default();
    for (piece, page) in pieces.iter().map(|piece| lines(&piece.text)).enumerate() {
        found.has_prose |=
            page.iter().any(|line| line.cased.contains('|') && LONE_GRADE.is_match(&line.cased));
        for line in with_cells(&with_names(&page)) {
            let line = &line;
            grades(line, piece, &mut found.said);
            recommendations(line, piece, &mut found.advice);
            actions(line, piece, &mut found.acts);
            let refusal = refusal(&line.low, true);
            // Who declines to recommend does not decline to grade.
            let is_of_advice = line.low.starts_with("recommend");
            if refusal > Refusal::None && !is_of_advice {
                found.refusals.push((piece, refusal, line.cased.trim().to_owned()));
            }
            found.has_prose |= told(&line.low).any(|sentence| {
                let words = sentence.split_whitespace().count();
                words > 12 || words > 4 && OWN.is_match(sentence)
            }) || LONE_GRADE.is_match(&line.cased)
                && !line.cased.trim_end().ends_with(':');
        }
    }
    if found.said.is_empty() && found.refusals.iter().all(|(_, refusal, _)| *refusal < Refusal::Open) {
        found.said = terse::letters(pieces);
    }
    found
}

/// Lines under a name of their own (`## Grade` over `C`) with it before them: `Grade: C`.
fn with_names(page: &[Line]) -> Vec<Line> {
    let mut out: Vec<Line> = Vec::new();
    let mut name: Option<String> = None;
    for line in page {
        if line.cased.trim().is_empty() {
            out.push(line.clone());
        } else if is_name(&line.cased) {
            name = Some(line.cased.trim().trim_matches(['#', ':', ' ']).to_owned());
        } else if let Some(name) = name.take().filter(|_| !line.cased.contains('|') && !line.is_heading) {
            let cased = format!("{name}: {}", line.cased.trim());
            out.push(Line { low: cased.to_lowercase(), cased, is_heading: false });
        } else {
            out.push(line.clone());
        }
    }
    out
}

/// Lines with each table's cells under their headers as lines of their own: `grade: C`.
fn with_cells(page: &[Line]) -> Vec<Line> {
    let mut out: Vec<Line> = Vec::new();
    for (place, line) in page.iter().enumerate() {
        if !line.cased.contains('|') {
            out.push(line.clone());
            continue;
        }
        let cells = split_cells(&line.cased);
        if is_one_of_many(page, place) {
            continue;
        }
        let header = page[..place]
            .iter()
            .rev()
            .take(2)
            .find(|above| above.cased.contains('|') && !above.cased.contains("--"));
        let pairs: Vec<String> = match (&cells[..], header) {
            ([key, value], _) => vec![format!("{key}: {value}")],
            (cells, Some(header)) => split_cells(&header.cased)
                .iter()
                .zip(cells)
                .map(|(key, value)| format!("{key}: {value}"))
                .collect(),
            _ => vec![line.cased.clone()],
        };
        // Two columns under a header of grade and recommendation are no key with its value.
        let under = header.map(|header| split_cells(&header.cased)).unwrap_or_default();
        let is_letter = cells.first().is_some_and(|cell| matches!(cell.as_str(), "A" | "B" | "C"));
        let pairs = if cells.len() == 2 && under.len() == 2 && is_letter {
            under.iter().zip(&cells).map(|(key, value)| format!("{key}: {value}")).collect()
        } else {
            pairs
        };
        let pair = |cased: String| Line { low: cased.to_lowercase(), cased, is_heading: false };
        out.extend(pairs.into_iter().map(pair));
    }
    out
}

/// Whether a row with a grade has a neighbour with another: a table of products, or of what grades mean.
fn is_one_of_many(page: &[Line], place: usize) -> bool {
    let grade = |line: Option<&Line>| {
        let cells = line
            .filter(|line| line.cased.contains('|'))
            .map(|line| split_cells(&line.cased))
            .unwrap_or_default();
        cells.iter().any(|cell| matches!(cell.trim_start_matches("grade "), "A" | "B" | "C"))
    };
    pattern!(OWN_ROW, r"\b(?:this report|under review|agent 2)\b");
    let is_own = |line: &Line| line.cased.contains('|') && OWN_ROW.is_match(&line.low);
    // The row of the product that the report is about, among others'.
    if page.get(place).is_some_and(is_own) && page.iter().filter(|line| is_own(line)).count() == 1 {
        return false;
    }
    let above = place.checked_sub(1).and_then(|above| page.get(above));
    grade(page.get(place)) && (grade(above) || grade(page.get(place + 1)))
}

fn split_cells(text: &str) -> Vec<String> {
    text.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

pattern!(LONE_GRADE, r"\b[ABC]\b");

pattern!(
    /// Letters that are named beside the grade, and are not it: what it would take, a range, a class of something else.
    MENTION,
    r#"(?i:\bto (?:reach|get|earn|deserve|become)(?: an?| the)?(?: grade)?|\bshort of(?: an?)?|\bbands? of(?: grade)?|\brange of(?: grade)?|\bjustif(?:y|ies)(?: an?)?|\bthan (?:an? )?|\bafter first thinking|\bwould (?:allow|give|be|mean|earn|make it)(?: an?)?|\bcredit rating, which is|\bannex(?:es)?"?:?|\bclass:|\bsegment:|\bsubscription|\bseries|\bsection|\bpart|\bplan) "?[ABC]\b|\b[ABC]'s\b|\b[ABC] (?:was|were) (?:considered|discarded|rejected)|^\s*[ABC][.)] "#
);

/// Whether the letter of another grade stands after the last one of a grade.
fn names_another(pieces: &[Piece], grade: super::Grade) -> bool {
    pattern!(
        LETTER,
        r"(?:^|[^A-Za-z0-9'&])(?:A(?:[^A-Za-z0-9' &]|$| [^a-z]| (?:and|hold|cont|shut|for|grade|it is|is))|([BC])(?:[^A-Za-z0-9'&]|$))"
    );
    let told = |line: &Line| !EARLIER.are_in(&line.low) && !OTHERS.are_in(&line.low);
    let all: String = pieces
        .iter()
        .flat_map(|piece| lines(&piece.text))
        .filter(told)
        .flat_map(|line| [MENTION.replace_all(&line.cased, " ").into_owned(), "\n".to_owned()])
        .collect();
    let last = LETTER.captures_iter(&all).last();
    last.is_some_and(|found| {
        super::Grade::of(found.get(1).map_or("A", |letter| letter.as_str())) != Some(grade)
    })
}

fn graded(said: &[&GradeWord], advice: &[RecommendationWord], declines: bool, pieces: &[Piece]) -> Reading {
    let top = said.iter().map(|word| word.firmness).max().unwrap_or_default();
    let last_piece = said.iter().map(|word| word.piece).max().unwrap_or_default();
    let firmest: Vec<&&GradeWord> = said.iter().filter(|word| word.firmness == top).collect();
    let in_last: Vec<&&GradeWord> = said.iter().filter(|word| word.piece == last_piece).collect();
    let all_same = |words: &[&&GradeWord]| words.windows(2).all(|pair| pair[0].grade == pair[1].grade);
    let Some(chosen) = firmest.last() else { return Reading::unsure(Answer::Nothing, "no grade", "") };
    // A file that takes the place of another, and what is said after it.
    let last_file = last_file(said.iter().map(|word| word.piece), pieces);
    let in_last: Vec<&&GradeWord> = match last_file {
        Some(file) => said.iter().filter(|word| word.piece >= file).collect(),
        None => in_last,
    };
    let replaced = in_last.len() < said.len() && last_file.is_some();
    let is_clear = said.iter().all(|word| word.grade == chosen.grade)
        || (top == 3 && all_same(&firmest) && firmest.iter().all(|word| word.piece == last_piece))
        || (replaced
            && all_same(&in_last)
            && in_last.iter().any(|word| word.grade == chosen.grade && word.firmness == top));
    let (recommendation, is_sure) = recommended(advice, pieces);
    let answer = Answer::Grade { grade: chosen.grade, recommendation };
    if let Some(grade) = own_line(pieces).filter(|_| is_sure && !declines && recommendation.is_some()) {
        return Reading::sure(
            Path::GradeLine,
            Answer::Grade { grade, recommendation },
            "the form's own line",
        );
    }
    if names_another(pieces, chosen.grade) {
        return Reading::unsure(answer, "a later grade may replace it", &chosen.text);
    }
    match (is_clear && !declines, is_sure) {
        (true, true) => Reading::sure(path(chosen), answer, &chosen.text),
        (true, false) => Reading::unsure(answer, "what is recommended is not clear", &chosen.text),
        (false, _) => Reading::unsure(answer, "more than one grade is named", &chosen.text),
    }
}

/// The last file that is among some pieces.
fn last_file(among: impl Iterator<Item = usize>, pieces: &[Piece]) -> Option<usize> {
    among.filter(|piece| pieces[*piece].place == Place::Created).max()
}

/// The recommendation, and whether it is clear.
fn recommended(advice: &[RecommendationWord], pieces: &[Piece]) -> (Option<super::Recommendation>, bool) {
    let counted: Vec<&RecommendationWord> = advice.iter().filter(|word| word.firmness > 0).collect();
    if counted.is_empty() {
        return (None, advice.is_empty());
    }
    let corrected: Vec<&&RecommendationWord> = counted.iter().filter(|word| word.firmness == 3).collect();
    let is_last = |last: &&&&RecommendationWord| counted.iter().all(|word| word.piece <= last.piece);
    let is_agreed = |last: &RecommendationWord| corrected.iter().all(|word| word.advice == last.advice);
    if let Some(last) = corrected.last().filter(is_last)
        && let (Advice::Given(recommendation), true) = (last.advice, is_agreed(last))
    {
        return (Some(recommendation), true);
    }
    let has_clear = counted.iter().any(|word| matches!(word.advice, Advice::Given(_) | Advice::NoneGiven));
    let counted: Vec<&RecommendationWord> = counted
        .into_iter()
        .filter(|word| !(has_clear && matches!(word.advice, Advice::Denied | Advice::Told)))
        .collect();
    let from = last_file(counted.iter().map(|word| word.piece), pieces).unwrap_or_default();
    let latest: Vec<&&RecommendationWord> = counted.iter().filter(|word| word.piece >= from).collect();
    let keyed: Vec<&&&RecommendationWord> = latest.iter().filter(|word| word.is_keyed).collect();
    let Some(first) = keyed.first().map(|word| **word).or(latest.first().copied()) else {
        return (None, false);
    };
    let is_known = |word: &RecommendationWord| matches!(word.advice, Advice::Given(_) | Advice::NoneGiven);
    let same = latest.iter().all(|word| word.advice == first.advice);
    let none_speaks_against = !keyed.is_empty()
        && latest.iter().filter(|word| is_known(word)).all(|word| word.advice == first.advice)
        && keyed.iter().all(|word| word.advice == first.advice);
    let recommendation = match first.advice {
        Advice::Given(recommendation) => Some(recommendation),
        _ => None,
    };
    (recommendation, is_known(first) && (same || none_speaks_against))
}

fn path(chosen: &GradeWord) -> Path {
    match chosen.firmness {
        0 | 1 => Path::LoneLetter,
        2 => Path::GradeSentence,
        _ => Path::GradeLine,
    }
}

/// The grade that the last file's own line gives, where nothing after it names another but as what it is not.
fn own_line(pieces: &[Piece]) -> Option<super::Grade> {
    pattern!(
        OWN,
        r"^[^\p{L}\d]*(?i:(?:final |overall |product )?(?:grade|note|cijfer|ocena|voto|nota|calificación|betyg))\W{0,3}[:=|]\W*([ABC])\W*(?:\([^()]{0,80}\)\W*)?$"
    );
    pattern!(
        NOT_IT,
        r"(?i)\b(?:limits?|tables?|considered|rejected|would|too (?:large|great|big|high)|up to|could|may be|possible|inclined|arguments?|voor een|à partir|taken alone|far beyond|exceeds?)\b"
    );
    pattern!(LETTER, r"(?:^|[^A-Za-z0-9'&])([ABC])(?:[^A-Za-z0-9'&]|$)");
    pattern!(
        MAKES,
        r"(?i)\b(?:i (?:make|settle|choose|give|assign|grade)|make (?:it|that)|lift\w*|rais\w*|final\w*|justif\w*|instead|actually|therefore|settle\w*|nevertheless|fairer|better|deserves?|should|final)\b"
    );
    let filed = pieces.iter().rposition(|piece| piece.place == Place::Created)?;
    let page = lines(&pieces[filed].text);
    let own: Vec<(usize, super::Grade)> = page
        .iter()
        .enumerate()
        .filter_map(|(place, line)| Some((place, super::Grade::of(&OWN.captures(&line.cased)?[1])?)))
        .collect();
    let [(place, grade)] = own[..] else { return None };
    let is_other =
        |text: &str| LETTER.captures_iter(text).any(|letter| super::Grade::of(&letter[1]) != Some(grade));
    let is_open = |line: &Line| {
        line.cased
            .split_inclusive(['.', '!', '?', ';'])
            .any(|said| is_other(said) && (!NOT_IT.is_match(said) || MAKES.is_match(said)))
    };
    let is_clear = !page[place + 1..].iter().any(is_open)
        && !pieces[filed + 1..].iter().any(|piece| is_other(&piece.text));
    is_clear.then_some(grade)
}
