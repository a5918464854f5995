//! Numbers in words: `sixty-two and a half`, `einundsechzig von hundert`, `soixante-trois`, `六十三`. A compound is read as a
//! whole or not at all; what is left of number words in a text keeps the rules from being sure.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A language's words: those for 0 to 20, where each stands for a number, and those for the tens from 20 to 90.
struct Language {
    small: &'static [(&'static str, u32)],
    tens: [&'static str; 8],
    hundred: &'static [&'static str],
    join: Join,
}

/// How a language puts tens and ones together.
#[derive(Clone, Copy, PartialEq)]
enum Join {
    /// `sixty three`
    Space,
    /// `sesenta y tres`: with this word between them.
    Word(&'static str),
    /// `sextiotre`, `sessantatre`
    Glued,
    /// `dreiundsechzig`: the ones first, with this between them.
    Reversed(&'static str),
}

const LANGUAGES: &[Language] = &[
    Language {
        small: &[
            ("zero", 0),
            ("one", 1),
            ("two", 2),
            ("three", 3),
            ("four", 4),
            ("five", 5),
            ("six", 6),
            ("seven", 7),
            ("eight", 8),
            ("nine", 9),
            ("ten", 10),
            ("eleven", 11),
            ("twelve", 12),
            ("thirteen", 13),
            ("fourteen", 14),
            ("fifteen", 15),
            ("sixteen", 16),
            ("seventeen", 17),
            ("eighteen", 18),
            ("nineteen", 19),
        ],
        tens: ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"],
        hundred: &["hundred", "a hundred", "one hundred"],
        join: Join::Space,
    },
    Language {
        small: &[
            ("ein", 1),
            ("eins", 1),
            ("zwei", 2),
            ("drei", 3),
            ("vier", 4),
            ("fünf", 5),
            ("sechs", 6),
            ("sieben", 7),
            ("acht", 8),
            ("neun", 9),
            ("zehn", 10),
            ("elf", 11),
            ("zwölf", 12),
            ("dreizehn", 13),
            ("vierzehn", 14),
            ("fünfzehn", 15),
            ("sechzehn", 16),
            ("siebzehn", 17),
            ("achtzehn", 18),
            ("neunzehn", 19),
        ],
        tens: ["zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"],
        hundred: &["hundert", "einhundert"],
        join: Join::Reversed("und"),
    },
    Language {
        small: &[
            ("un", 1),
            ("deux", 2),
            ("trois", 3),
            ("quatre", 4),
            ("cinq", 5),
            ("six", 6),
            ("sept", 7),
            ("huit", 8),
            ("neuf", 9),
            ("dix", 10),
            ("onze", 11),
            ("douze", 12),
            ("treize", 13),
            ("quatorze", 14),
            ("quinze", 15),
            ("seize", 16),
            ("dix sept", 17),
            ("dix huit", 18),
            ("dix neuf", 19),
        ],
        tens: ["vingt", "trente", "quarante", "cinquante", "soixante", "septante", "quatre vingt", "nonante"],
        hundred: &["cent"],
        join: Join::Space,
    },
    Language {
        small: &[
            ("uno", 1),
            ("dos", 2),
            ("tres", 3),
            ("cuatro", 4),
            ("cinco", 5),
            ("seis", 6),
            ("siete", 7),
            ("ocho", 8),
            ("nueve", 9),
            ("diez", 10),
            ("once", 11),
            ("doce", 12),
            ("trece", 13),
            ("catorce", 14),
            ("quince", 15),
            ("dieciséis", 16),
            ("diecisiete", 17),
            ("dieciocho", 18),
            ("diecinueve", 19),
            ("veintiuno", 21),
            ("veintidós", 22),
            ("veintitrés", 23),
            ("veinticuatro", 24),
            ("veinticinco", 25),
            ("veintiséis", 26),
            ("veintisiete", 27),
            ("veintiocho", 28),
            ("veintinueve", 29),
        ],
        tens: ["veinte", "treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"],
        hundred: &["cien", "ciento"],
        join: Join::Word(" y "),
    },
    Language {
        small: &[
            ("uno", 1),
            ("due", 2),
            ("tre", 3),
            ("tré", 3),
            ("quattro", 4),
            ("cinque", 5),
            ("sei", 6),
            ("sette", 7),
            ("otto", 8),
            ("nove", 9),
            ("dieci", 10),
            ("undici", 11),
            ("dodici", 12),
            ("tredici", 13),
            ("quattordici", 14),
            ("quindici", 15),
            ("sedici", 16),
            ("diciassette", 17),
            ("diciotto", 18),
            ("diciannove", 19),
        ],
        tens: ["venti", "trenta", "quaranta", "cinquanta", "sessanta", "settanta", "ottanta", "novanta"],
        hundred: &["cento"],
        join: Join::Glued,
    },
    Language {
        small: &[
            ("um", 1),
            ("uma", 1),
            ("dois", 2),
            ("duas", 2),
            ("três", 3),
            ("quatro", 4),
            ("cinco", 5),
            ("seis", 6),
            ("sete", 7),
            ("oito", 8),
            ("nove", 9),
            ("dez", 10),
            ("onze", 11),
            ("doze", 12),
            ("treze", 13),
            ("catorze", 14),
            ("quatorze", 14),
            ("quinze", 15),
            ("dezesseis", 16),
            ("dezasseis", 16),
            ("dezessete", 17),
            ("dezassete", 17),
            ("dezoito", 18),
            ("dezenove", 19),
            ("dezanove", 19),
        ],
        tens: ["vinte", "trinta", "quarenta", "cinquenta", "sessenta", "setenta", "oitenta", "noventa"],
        hundred: &["cem"],
        join: Join::Word(" e "),
    },
    Language {
        small: &[
            ("een", 1),
            ("één", 1),
            ("twee", 2),
            ("drie", 3),
            ("vier", 4),
            ("vijf", 5),
            ("zes", 6),
            ("zeven", 7),
            ("acht", 8),
            ("negen", 9),
            ("tien", 10),
            ("elf", 11),
            ("twaalf", 12),
            ("dertien", 13),
            ("veertien", 14),
            ("vijftien", 15),
            ("zestien", 16),
            ("zeventien", 17),
            ("achttien", 18),
            ("negentien", 19),
        ],
        tens: ["twintig", "dertig", "veertig", "vijftig", "zestig", "zeventig", "tachtig", "negentig"],
        hundred: &["honderd"],
        join: Join::Reversed("en"),
    },
    Language {
        small: &[
            ("ett", 1),
            ("två", 2),
            ("tre", 3),
            ("fyra", 4),
            ("fem", 5),
            ("sex", 6),
            ("sju", 7),
            ("åtta", 8),
            ("nio", 9),
            ("tio", 10),
            ("elva", 11),
            ("tolv", 12),
        ],
        tens: ["tjugo", "trettio", "fyrtio", "femtio", "sextio", "sjuttio", "åttio", "nittio"],
        hundred: &["hundra"],
        join: Join::Glued,
    },
    Language {
        small: &[
            ("jeden", 1),
            ("dwa", 2),
            ("dwie", 2),
            ("trzy", 3),
            ("cztery", 4),
            ("pięć", 5),
            ("sześć", 6),
            ("siedem", 7),
            ("osiem", 8),
            ("dziewięć", 9),
            ("dziesięć", 10),
        ],
        tens: [
            "dwadzieścia",
            "trzydzieści",
            "czterdzieści",
            "pięćdziesiąt",
            "sześćdziesiąt",
            "siedemdziesiąt",
            "osiemdziesiąt",
            "dziewięćdziesiąt",
        ],
        hundred: &["sto"],
        join: Join::Space,
    },
    Language {
        small: &[
            ("один", 1),
            ("одно", 1),
            ("два", 2),
            ("две", 2),
            ("три", 3),
            ("четыре", 4),
            ("пять", 5),
            ("шесть", 6),
            ("семь", 7),
            ("восемь", 8),
            ("девять", 9),
            ("десять", 10),
            ("одиннадцать", 11),
            ("двенадцать", 12),
            ("двенадцати", 12),
            ("тринадцать", 13),
            ("четырнадцать", 14),
            ("пятнадцать", 15),
            ("шестнадцать", 16),
            ("семнадцать", 17),
            ("восемнадцать", 18),
            ("девятнадцать", 19),
            ("десяти", 10),
            ("двадцати", 20),
        ],
        tens: [
            "двадцать",
            "тридцать",
            "сорок",
            "пятьдесят",
            "шестьдесят",
            "семьдесят",
            "восемьдесят",
            "девяносто",
        ],
        hundred: &["сто", "ста"],
        join: Join::Space,
    },
    Language {
        small: &[
            ("bir", 1),
            ("iki", 2),
            ("üç", 3),
            ("dört", 4),
            ("beş", 5),
            ("altı", 6),
            ("yedi", 7),
            ("sekiz", 8),
            ("dokuz", 9),
        ],
        tens: ["yirmi", "otuz", "kırk", "elli", "altmış", "yetmiş", "seksen", "doksan"],
        hundred: &[],
        join: Join::Space,
    },
    Language {
        small: &[
            ("jedna", 1),
            ("dva", 2),
            ("dvě", 2),
            ("tři", 3),
            ("čtyři", 4),
            ("pět", 5),
            ("šest", 6),
            ("sedm", 7),
            ("osm", 8),
            ("devět", 9),
        ],
        tens: ["dvacet", "třicet", "čtyřicet", "padesát", "šedesát", "sedmdesát", "osmdesát", "devadesát"],
        hundred: &[],
        join: Join::Space,
    },
];

/// Words that are something else more often than a number, where they stand alone.
const NOT_ALONE: &[&str] = &[
    "one", "un", "uno", "ein", "eins", "um", "uma", "een", "één", "ett", "bir", "jeden", "один", "одно",
    "jedna", "once", "due", "tre", "tré", "sei", "otto", "sex", "sto", "elli", "altı", "yedi", "cento",
    "ciento", "cent", "sept", "fem", "pět", "dva", "iki", "kırk", "dwa",
];

/// Words that stand between a whole number and its decimals.
const POINTS: &[&str] = &["point", "komma", "virgule", "coma", "virgola", "vírgula"];

/// Halves and quarters behind a number.
const PARTS: &[(&str, &str)] = &[
    (" and a half", ".5"),
    (" and one half", ".5"),
    (" and a quarter", ".25"),
    (" and three quarters", ".75"),
    (" et demie", ".5"),
    (" et demi", ".5"),
    (" y medio", ".5"),
    (" y media", ".5"),
    (" e mezzo", ".5"),
    (" e meio", ".5"),
    (" e meia", ".5"),
    ("einhalb", ".5"),
    (" und ein halb", ".5"),
    (" en een half", ".5"),
];

/// All numbers in words up to a hundred, their parts joined by spaces.
static PHRASES: LazyLock<HashMap<String, u32>> =
    LazyLock::new(|| LANGUAGES.iter().flat_map(phrases).collect());
/// The most words of a number.
const WORDS_MAX: usize = 4;

pattern!(WORD, r"\p{Alphabetic}+");

pattern!(
    HAN,
    r"(?:([一二三四五六七八九])十([一二三四五六七八九])?|十([一二三四五六七八九]))(?:点([零〇一二三四五六七八九]+))?|一百|百(点満点)"
);

pattern!(
    /// Stems of numbers that no rule read as a whole.
    LEFT,
    r"\b(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|vingt|trente|quarante|cinquante|soixante|veinte|veinti\p{L}+|treinta|cuarenta|cincuenta|sesenta|setenta|ochenta|noventa|vinte|trinta|quarenta|cinquenta|sessenta|oitenta)\b|\p{L}*(?:zwanzig|dreißig|vierzig|fünfzig|sechzig|siebzig|achtzig|neunzig|twintig|dertig|veertig|vijftig|zestig|zeventig|tachtig|negentig)(?:e[rns]?)?\b|\b(?:venti?|trent|quarant|cinquant|sessant|settant|ottant|novant)(?:a|o|uno|due|tré|tre|quattro|cinque|sei|sette|otto|nove)\b|\b(?:trettio|fyrtio|femtio|sextio|sjuttio|åttio|nittio)|dziesi[ąę][tc]|dzieści|(?:два|три)дцат|десят\b|девяност|altmış|yetmiş|seksen|doksan|\botuz|yirmi|desát|dvacet|třicet|[二三四五六七八九]十|[이삼사오육칠팔구]십|쉰|예순|일흔|여든|아흔|mươi|साठ|सत्तर|अस्सी|नब्बे|पचास"
);

/// The numbers of a language in words.
fn phrases(language: &Language) -> Vec<(String, u32)> {
    let mut all: Vec<(String, u32)> =
        language.small.iter().map(|(word, value)| ((*word).to_owned(), *value)).collect();
    all.extend(language.hundred.iter().map(|word| ((*word).to_owned(), 100)));
    for (place, tens) in language.tens.iter().enumerate() {
        let value = 10 * (place as u32 + 2);
        all.push(((*tens).to_owned(), value));
        let ones = language.small.iter().filter(|(_, ones)| *ones > 0);
        let is_french = language.hundred == ["cent"];
        for (word, ones) in ones.filter(|(_, ones)| *ones < 10 || is_french && *ones < 20) {
            all.extend(joined(language.join, word, tens).map(|phrase| (phrase, value + ones)));
            if is_french {
                all.push((format!("{tens} et {word}"), value + ones));
            }
        }
        if is_french {
            all.push((format!("{tens}s"), value));
        }
    }
    all
}

/// The ways in which tens and ones are written together.
fn joined(join: Join, ones: &str, tens: &str) -> impl Iterator<Item = String> {
    let forms = match join {
        Join::Space => vec![format!("{tens} {ones}")],
        Join::Word(word) => vec![format!("{tens}{word}{ones}")],
        Join::Glued => {
            let elided = &tens[..tens.len() - tens.chars().next_back().map_or(0, char::len_utf8)];
            vec![format!("{tens}{ones}"), format!("{elided}{ones}")]
        }
        Join::Reversed(and) => {
            vec![format!("{ones}{and}{tens}"), format!("{ones}ën{tens}"), format!("{ones}{and} {tens}")]
        }
    };
    forms.into_iter()
}

/// Number words of a text as digits: `sixty-two and a half` becomes `62.5`, `zwölf von zwanzig` `12 von 20`. The word for
/// one is left alone: it is an article, or a pronoun, more often than a number.
pub(super) fn number_words(text: &str) -> String {
    let text = if text.is_ascii() { text.to_owned() } else { han(text) };
    let words: Vec<std::ops::Range<usize>> = WORD.find_iter(&text).map(|word| word.range()).collect();
    let mut out = String::with_capacity(text.len());
    let (mut place, mut copied) = (0, 0);
    while place < words.len() {
        let Some((count, value)) = longest(&text, &words[place..]) else {
            place += 1;
            continue;
        };
        let (start, end) = (words[place].start, words[place + count - 1].end);
        let (decimals, end) = part(&text, end);
        out.push_str(&text[copied..start]);
        out.push_str(&format!("{value}{decimals}"));
        copied = end;
        place += count;
        while place < words.len() && words[place].start < end {
            place += 1;
        }
    }
    out.push_str(&text[copied..]);
    out
}

/// Whether a text, with its number words as digits, still has one.
pub(super) fn has_number_word(low: &str) -> bool {
    LEFT.is_match(low)
}

/// The longest number at the head of some words, and of how many it is.
fn longest(text: &str, words: &[std::ops::Range<usize>]) -> Option<(usize, u32)> {
    let is_close =
        |place: usize| place == 0 || matches!(&text[words[place - 1].end..words[place].start], " " | "-");
    let most = (0..words.len().min(WORDS_MAX)).take_while(|place| is_close(*place)).count();
    let (count, value) = (1..=most).rev().find_map(|count| {
        let phrase = text[words[0].start..words[count - 1].end].replace('-', " ");
        PHRASES.get(&phrase).map(|value| (count, *value))
    })?;
    let word = &text[words[0].clone()];
    let is_part = |place: Option<usize>| {
        // A number right behind another is no number of its own.
        place.and_then(|place| words.get(place)).is_some_and(|next| {
            PHRASES.get(&text[next.clone()]).is_some_and(|next| *next > 0 && *next < 100 && value > 1)
                && !NOT_ALONE.contains(&&text[next.clone()])
        })
    };
    let stands_behind = text[..words[0].start].ends_with(|c: char| c.is_ascii_digit());
    let is_joined = is_close(count.min(words.len() - 1)) && count < words.len() && is_part(Some(count));
    let is_word_alone = count == 1 && NOT_ALONE.contains(&word);
    let is_number = !is_word_alone && !is_joined && !stands_behind;
    is_number.then_some((count, value))
}

/// The decimals behind a number, and where they end.
fn part(text: &str, end: usize) -> (String, usize) {
    let rest = &text[end..];
    if let Some((words, decimals)) = PARTS.iter().find(|(words, _)| rest.starts_with(words)) {
        return ((*decimals).to_owned(), end + words.len());
    }
    let mut words = WORD.find_iter(rest);
    let Some(point) = words.next().filter(|word| word.start() == 1 && POINTS.contains(&word.as_str())) else {
        return (String::new(), end);
    };
    let (mut digits, mut last) = (String::new(), point.end());
    for word in words.filter(|word| word.start() > 0) {
        let value = PHRASES.get(word.as_str()).filter(|_| word.start() == last + 1);
        let Some(value) = value else { break };
        digits.push_str(&value.to_string());
        last = word.end();
    }
    if digits.is_empty() { (String::new(), end) } else { (format!(".{digits}"), end + last) }
}

/// A text with the tens of Chinese and Japanese as digits.
fn han(text: &str) -> String {
    let digit =
        |text: &str| "〇一二三四五六七八九".chars().position(|c| text.starts_with(c)).unwrap_or_default();
    HAN.replace_all(text, |found: &regex::Captures<'_>| {
        let at = |place: usize| found.get(place).map(|found| found.as_str());
        if &found[0] == "一百" {
            return "100".to_owned();
        }
        if let Some(rest) = at(5) {
            return format!("100{rest}");
        }
        let tens = at(1).map_or(1, digit);
        let ones = at(2).or(at(3)).map_or(0, digit);
        let decimals: String =
            at(4).unwrap_or_default().chars().map(|c| digit(&c.to_string()).to_string()).collect();
        let point = if decimals.is_empty() { "" } else { "." };
        format!("{}{point}{decimals}", 10 * tens + ones)
    })
    .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_words_are_numbers() {
        for (words, digits) in [
            ("twelve of the twenty", "12 of the 20"),
            ("sixty-two and a half points", "62.5 points"),
            ("sixty-two point five points", "62.5 points"),
            ("zwölf von zwanzig", "12 von 20"),
            ("a hundred", "100"),
            ("eighty one", "81"),
            ("one of them", "one of them"),
            ("einundsechzig von hundert punkten", "61 von 100 punkten"),
            ("cinquenta e cinco pontos em cem", "55 pontos em 100"),
            ("cincuenta y siete puntos sobre cien", "57 puntos sobre 100"),
            ("soixante-trois, soixante et onze, quatre-vingts, quatre-vingt-dix-sept", "63, 71, 80, 97"),
            ("sessantatré su cento, ventotto", "63 su cento, 28"),
            ("drieënzestig en vierenvijftig", "63 en 54"),
            ("sextiotre", "63"),
            ("sześćdziesiąt trzy", "63"),
            ("шестьдесят три", "63"),
            ("平均六十二点五分", "平均62.5分"),
            ("dos mil", "2 mil"),
        ] {
            assert_eq!(number_words(words), digits);
        }
    }

    #[test]
    fn what_is_left_of_a_number_is_seen() {
        assert!(has_number_word(&number_words("sixty sixty")));
        assert!(has_number_word(&number_words("sześćdziesięciu trzech")));
        assert!(!has_number_word(&number_words("sixty-three of one hundred")));
    }
}
