//! Numbers in a text: what they are, what they are out of, and which of them are no measure at all (dates, versions,
//! addresses, ordinals).

/// A number as it stands in a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Number {
    /// Where it begins.
    pub(super) start: usize,
    /// Where it ends, with its unit and what it is out of.
    pub(super) end: usize,
    /// Its value as written.
    pub(super) value: f64,
    /// What it is out of.
    pub(super) of: Of,
    /// Whether it was written with a decimal point or comma.
    pub(super) is_decimal: bool,
}

/// What a number is out of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Of {
    /// Nothing is said.
    Unsaid,
    /// It is so many percent.
    Percent,
    /// It is one of so many.
    Whole(f64),
    /// It is said to be points.
    Points,
}

const ITEM_WORDS: &str = r"answers?|items?|outputs?|questions?|rows?|lines?|responses?|replies|requests|lists|keywords|entries|antworten?|fragen|ausgaben|zeilen|einträgen?|réponses?|questions?|lignes|éléments|respuestas?|preguntas|filas|risposte|domande|righe|respostas|perguntas|linhas|antwoorden|vragen|rijen|odpowiedzi|pytań|wierszy|cevap\w*|yanıt\w*|soru\w*|ответ\w*|вопрос\w*|строк\w*|svar\w*|frågor\w*|rader|odpověd\w*|otáz\w*|câu(?: trả lời| hỏi)?";
const RIGHT_WORDS: &str = r"right|correct|richtige?n?|korrekte?n?|correctes?|correctas?|corrette|corretas|certas|juiste?|goede?|goed|poprawn\w*|doğru|верн\w*|правильн\w*|rätt|správn\w*|đúng";
const WRONG_WORDS: &str = r"wrong|incorrect|falsche?n?|fausses?|incorrectas?|sbagliate|erradas|foute?|fout|błędn\w*|yanlış|неверн\w*|неправильн\w*|fel|špatn\w*|sai";
const POINT_WORDS: &str = r"points?|marks?|pts?|punkte?n?|punkt\w{0,2}|puntos?|punti|pontos?|punten|puan\w*|балл\w*|poäng|bod[ůuy]?|điểm";
/// So many scores of one value: `12 marks of 100 and 8 of 0`.
const EACH_AFTER: &str = r"^ ?(?:(?:marks|scores|answers|items|rows|replies|results|lists|requests|times) (?:of|at|with|worth|scored|rated) |x |at |times )(?:100|50|0)\b|^ ?(?:[a-z]+ ){0,3}at (?:100|0|50|zero)\b";
const OUT_OF: &str = r"/|out of(?: a (?:possible|maximum(?: of)?))?|of(?: a (?:possible|maximum(?: of)?))?|from a possible|von(?: maximal)?|aus|na|sur|d[aeo]s?|del|delle|dei|de(?: un (?:máximo|total) de| um total de)?|su(?: un totale di)?|em|van(?: de)?|z(?:e)?|из|av|trên(?: tổng số)?|sobre|op|in";

pattern!(NUMBER, r"\d[\d.,]*");
pattern!(
    MASKED,
    r"\b(?:gemini|claude|haiku|sonnet|opus|gpt|llama|glm|deepseek|qwen|kimi|mistral|grok|nova|gemma|phi|command)(?:[ -](?:haiku|sonnet|opus|large|r))?[ -]?[vkr]?\d+(?:\.\d+)*\b|\b(?:policy|richtlinie|politique|política|politica|beleid|policyn|политик\w*|revision|revisione|révision|rev\.?|temperature|clause) \d+(?:\.\d+)*\b|\b\d{4}-\d{1,2}(?:-\d{1,2})?\b|\b\d+(?:\.\d+){2,}\b|\b\d{1,2}/\d{1,2}/\d{2,4}\b|\b\d{1,2}-\d{1,2}-\d{2,4}\b|\b\d{1,2}:\d{2}(?::\d{2})?\b|\bv\.? ?\d[\d.]*|\b[a-z]+-\d[\d-]*|\b(?:19|20)\d{2}\b|\b\d{1,2}\.? (?:of )?(?:de )?(?:jan(?:uary|uar|vier)?|feb(?:ruary|ruar)?|févr(?:ier)?|mar(?:ch|s|zo)?|märz|março|apr(?:il)?|avr(?:il)?|abril|may|mai|maio|mayo|maj|june?|juni|juin|juni?o|junho|july?|juli|juillet|juli?o|julho|luglio|aug(?:ust|ustus)?|août|agosto|sept?(?:ember|embre)?|septiembre|setembro|settembre|oct(?:ober|obre)?|octubre|outubro|ottobre|okto?(?:ber)?|nov(?:ember|embre|iembre|embro)?|dec(?:ember|embre)?|dezember|décembre|diciembre|dezembro|enero|febrero|janeiro|fevereiro|октяб\w*|сентяб\w*|października|września|ekim|eylül|října|září|tháng)\b\.?|\b(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.? \d{1,2}\b|\d+年|\d+月|\d+日|\d+년|\d+월|\d+일".replace(r"\w", "[a-z\u{e0}-\u{17f}\u{430}-\u{45f}]")
);
pattern!(
    LABEL_BEFORE,
    r"(?:\b(?:agents?|items?|rows?|lines?|sections?|sec\.|versions?|pages?|questions?|answers?|outputs?|requests?|responses?|no\.?|nr\.?|n°|num\.?|steps?|policy|chapter|table|day|week|quarter|category|rank|place|level|tier|phase|round|stage|appendix|annex|figure|zeilen?|fragen?|antwort(?:en)?|ausgaben?|abschnitt|seite|punkt nr\.|lignes?|questions?|réponses?|section|filas?|preguntas?|respuestas?|sección|apartado|righ[ae]|rispost[ae]|domand[ae]|sezione|linhas?|respostas?|perguntas?|seção|rij(?:en)?|vra(?:ag|gen)|antwoord(?:en)?|paragraaf|wiersz\w*|pytani\w*|odpowied\w*|satır\w*|soru|агент\w*|строк\w*|вопрос\w*|ответ\w*|пункт\w*|раздел\w*|rad(?:er)?|fråg\w*|svar|řádk\w*|otázk\w*|odpově\w*|dòng|câu|mục|agente|agenten) ?(?:no\.? ?|nr\.? ?|# ?)?|[#№]\s?|§ ?|第|항목 ?|에이전트 ?|エージェント ?|代理 ?|智能体 ?|行目?)(?:\d+(?:, ?| and | und | et | y | e | en | i | и | och | a |-| to ))*$".replace(r"\w", "[a-z\u{e0}-\u{17f}\u{430}-\u{45f}]")
);
pattern!(
    LETTER_BEFORE,
    r"[a-z\u{e0}-\u{17f}\u{430}-\u{45f}$€£+^]$|[\d.]-$|/ ?$|± ?$|\bout of (?:a possible )?$|\([^)]*n ?= ?$|\bn ?= ?$"
);
pattern!(
    NO_MEASURE_AFTER,
    r"^(?:(?:st|nd|rd|th|er|ème|ª|º)\b|[a-z]{1,2}\d|-(?:point|item|row|question|day|week|month|word|page|year|turn)|\s?(?:s|sec|seconds?|ms|minutes?|mins?|hours?|h\b|uhr|days?|weeks?|months?|years?|words?|wörter|mots|palabras|tokens?|characters?|km|gb|mb|tb|usd|eur|dollars?|thousand|million|times?|tasks?|agents?|rounds?|games?|pages?|categories|dimensions|criteria|reviewers?|reviews?|quarters?|sekunden|tage|stunden|wochen|aufgaben|tâches|jours|tareas|días|giorni|dagen|taken|zadań|dni|görev|gün|задач\w*|дн\w*|uppgifter|dagar|úkol\w*|dn\w*|tâche\w*)\b|\s?[$€£]|°|日|年|月|号|行|条|項|項目|件|個|개|건|항목|번|轮|回|次|秒|分間|天|시간)".replace(r"\w", "[a-z\u{e0}-\u{17f}\u{430}-\u{45f}]")
);
pattern!(
    OF_WHOLE,
    format!(r"^ ?(?:(?:{POINT_WORDS}|{ITEM_WORDS}|{RIGHT_WORDS}|{WRONG_WORDS}|%) ?){{0,3}}(?:{OUT_OF}) ?(?:(?:the|all|its|his|her|their|these|those|a|den|insgesamt|allen|les|des|las|los|le|as|os|de|alle|wszystkich|möglichen?|possible|total|gesamt|\() ?){{0,2}}(\d+(?:[.,]\d+)?)").replace(r"\w", "[a-z\u{e0}-\u{17f}\u{430}-\u{45f}]")
);
pattern!(
    WHOLE_FIRST,
    r"(\d+) ?(?:题|問|问|条|項目|件|個|道题|个(?:回答|答案|问题|输出)?|点|點|分|개|문항|문제|건|점)?(?:の)?(?:回答|答案|問題|质问|항목|답변)?(?: ?(?:中|満点中?|满分|만점에|만점 중|중에서|중|में से|üzerinden|sorudan|sorunun|yanıttan|cevaptan|cevabın|yanıtın|puan üzerinden))[^\d.,;:]{0,14}$"
);
pattern!(PERCENT_AFTER, r"^ ?(?:%|percent\b|per cent\b|prozent\b|pour ?cent\b|por ciento\b|per cento\b|por cento\b|procent\w*\b|yüzde\b|процент|procen|phần trăm|퍼센트|パーセント|प्रतिशत)".replace(r"\w", "[a-z]"));
pattern!(PERCENT_BEFORE, r"(?:百分之|yüzde |% ?)$");
pattern!(
    POINTS_AFTER,
    format!(r"^ ?(?:{POINT_WORDS}|分|点|점|अंक)").replace(r"\w", "[a-z\u{e0}-\u{17f}\u{430}-\u{45f}]")
);
pattern!(RANGE_AFTER, r"^ ?%? ?(?:-|to|bis|à|until|up to|a|al|tot|do|through|~|から|至|到|até|до) ?\d");
pattern!(RANGE_BEFORE, r"\d ?%? ?(?:-|to|bis|à|a|al|tot|do|through|~|から|至|到|até|до) ?$");
// What the best score is: `100점 만점에`, `100点満点`, `max. 100`, `100 being perfect`.
pattern!(
    BEST_AFTER,
    r"^ ?(?:points?|marks?|punkte?n?|puntos|punti|pontos|punten|puan|баллов|点|點|分|점)? ?(?:만점|満点|满分|(?:being|is|stands for|as|=|means) (?:the )?(?:best|perfect|top|maximum|max\b|full|highest|ideal|flawless|an? (?:perfect|ideal|flawless))|(?:possible|max(?:imum)?|maximal|attainable|available|achievable|at most|at best|erreichbare?n?|mögliche?n?|возможн\w*|posibles|possibles|possibili|possíveis)\b|üzerinden)".replace(r"\w", "[a-z\u{e0}-\u{17f}\u{430}-\u{45f}]")
);
pattern!(
    BEST_BEFORE,
    r"(?:\bmax(?:imum|imal|\.|:)?(?: (?:is|of|being|score|average|points))?[: ]{0,2}|\bbestenfalls |\bat (?:best|most) |\bout of (?:a (?:possible|maximum(?: of)?) )?|満点(?:は)?[: ]?|满分(?:为|是)?[: ]?|만점(?:은)? ?|\bmaximal |\bmáximo(?: de)? |\bmassimo(?: di)? |\bmaximum(?: de| von| van)? |\bof a possible )$"
);
pattern!(MANY_OF, EACH_AFTER);
pattern!(SUM, r"\(?\d[\d\s.,+*x×/()-]*(?:answers?|items?|rows?)?\s?(?:=|≈)\s*");

/// A text without the sums that lead to a result: `(12 x 100 + 8 x 0) / 20 = 60` becomes `60`.
pub(super) fn without_sums(text: &str) -> String {
    if !text.contains(['=', '≈']) {
        return text.to_owned();
    }
    SUM.replace_all(text, " ").into_owned()
}

/// The numbers of a text that measure something. `masked` texts (dates, versions) and labels (`item 9`) are left out.
pub(super) fn numbers(text: &str) -> Vec<Number> {
    let masked = MASKED.replace_all(text, |found: &regex::Captures<'_>| " ".repeat(found[0].len()));
    let mut found: Vec<Number> = Vec::new();
    for place in NUMBER.find_iter(&masked) {
        if found.last().is_some_and(|last| place.start() < last.end) {
            continue;
        }
        if let Some(number) = number(&masked, place.start(), place.as_str()) {
            found.push(number);
        }
    }
    found
}

/// Whether a number is an end of a range (`60 to 70`).
pub(super) fn is_in_range(text: &str, number: &Number) -> bool {
    RANGE_AFTER.is_match(head(&text[number.end..])) || RANGE_BEFORE.is_match(tail(&text[..number.start]))
}

fn number(text: &str, start: usize, written: &str) -> Option<Number> {
    let written = written.trim_end_matches(['.', ',']);
    let end = start + written.len();
    let (before, after) = (tail(&text[..start]), head(&text[end..]));
    let (value, is_decimal) = value(written)?;
    // A form's placeholder.
    if written.starts_with("00")
        || MANY_OF.is_match(after)
        || LETTER_BEFORE.is_match(before)
        || NO_MEASURE_AFTER.is_match(after)
    {
        return None;
    }
    let number = Number { start, end, value, of: Of::Unsaid, is_decimal };
    if let Some(whole) = OF_WHOLE.captures(after).and_then(|found| found.get(1)) {
        let of = self::value(whole.as_str()).map(|(value, _)| value)?;
        return Some(Number { end: end + whole.end(), of: Of::Whole(of), ..number });
    }
    if LABEL_BEFORE.is_match(before) || BEST_AFTER.is_match(after) || BEST_BEFORE.is_match(before) {
        return None;
    }
    if let Some(found) = PERCENT_AFTER.find(after) {
        return Some(Number { end: end + found.end(), of: Of::Percent, ..number });
    }
    if PERCENT_BEFORE.is_match(before) {
        return Some(Number { of: Of::Percent, ..number });
    }
    if let Some(of) = WHOLE_FIRST.captures(before).and_then(|found| self::value(&found[1])) {
        return Some(Number { of: Of::Whole(of.0), ..number });
    }
    match POINTS_AFTER.find(after) {
        Some(found) => Some(Number { end: end + found.end(), of: Of::Points, ..number }),
        None => Some(number),
    }
}

/// Bytes around a number that say what it is.
const NEARBY_BYTES: usize = 96;

fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(NEARBY_BYTES)]
}

fn tail(text: &str) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(NEARBY_BYTES))..]
}

/// The value of digits with points and commas: `62.5`, `62,5`, `1,200`, `1.200,50`; nothing for `10.0.12`.
pub(super) fn value(written: &str) -> Option<(f64, bool)> {
    let separators: Vec<char> = written.chars().filter(|c| matches!(c, '.' | ',')).collect();
    let plain = match separators[..] {
        [] => return written.parse().ok().map(|value| (value, false)),
        [','] if is_thousands(written, ',') => {
            return written.replace(',', "").parse().ok().map(|value| (value, false));
        }
        ['.'] | [','] => written.replace(',', "."),
        [',', .., '.'] => written.replace(',', ""),
        ['.', .., ','] => written.replace('.', "").replace(',', "."),
        [',', ..] if is_thousands(written, ',') => written.replace(',', ""),
        _ => return None,
    };
    let value: f64 = plain.parse().ok()?;
    value.is_finite().then_some((value, true))
}

fn is_thousands(written: &str, separator: char) -> bool {
    let mut groups = written.split(separator);
    let first = groups.next().unwrap_or_default();
    !first.is_empty() && first.len() <= 3 && first != "0" && groups.all(|group| group.len() == 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Vec<(f64, Of)> {
        numbers(text).iter().map(|number| (number.value, number.of)).collect()
    }

    #[test]
    fn numbers_come_with_what_they_are_out_of() {
        assert_eq!(seen("62,5/100"), [(62.5, Of::Whole(100.0))]);
        assert_eq!(seen("12 of the 20 answers"), [(12.0, Of::Whole(20.0))]);
        assert_eq!(seen("12 réponses sur 20"), [(12.0, Of::Whole(20.0))]);
        assert_eq!(seen("20题中答对12题"), [(20.0, Of::Unsaid), (12.0, Of::Whole(20.0))]);
        assert_eq!(seen("60.5 %"), [(60.5, Of::Percent)]);
        assert_eq!(seen("1,200 points"), [(1200.0, Of::Points)]);
    }

    #[test]
    fn dates_versions_labels_and_addresses_are_no_numbers() {
        for text in [
            "14 october 2025",
            "2025-10-14",
            "version 2.3",
            "10.0.12.45",
            "agent 2",
            "item 9",
            "q3",
            "3rd",
            "18 tasks",
        ] {
            assert_eq!(seen(text), [], "{text}");
        }
    }

    #[test]
    fn a_sum_is_its_result() {
        assert_eq!(
            without_sums("average = (12 x 100 + 8 x 0) / 20 = 1200 / 20 = 60").trim(),
            "average =   60"
        );
    }
}
