//! Grades A, B and C of finance reports, and what is recommended.

use regex::Regex;

use super::languages::{DRAFT, EARLIER, IMPRESSION, ON_RECORD, REVISED};
use super::page::Line;
use super::{Grade, Recommendation};

/// A pattern whose words are of these letters: all of Unicode's would be a large machine.
macro_rules! words {
    ($name:ident, $pattern:expr $(,)?) => {
        pattern!($name, $pattern.replace(r"\w", "[A-Za-z\u{c0}-\u{17f}\u{400}-\u{45f}]"));
    };
}

const WORD: &str = r"(?i:grades?|assessment|judge?ment|conclusion|eindoordeel|oordeel|urteil|giudizio|graded|grading|rating|rated|letter|mark|verdict|classification|class|category|note|endnote|gesamtnote|einstufung|bewertung|benotung|notation|grado|calificación|calificacion|categoría|nota|clasificación|voto|valutazione|giudizio|classe|classificação|conceito|cijfer|beoordeling|klasse|ocen[aęy]|klasa|notu?|sınıf|harf notu|derece|оценк[аиу]|категори[яи]|рейтинг|класс|betyg(?:et)?|známka|hodnocení|stupeň|xếp (?:hạng|loại)|hạng|loại|điểm|等级|评级|级别|评定|評価|グレード|等級|格付け|등급|평가|ग्रेड|श्रेणी)";

words!(
    KEYED,
    &format!(
        r"{WORD}(?:\s*\([^)]{{0,30}}\))?(?:\s*(?:[:=|>-]+|→|为|は|은|는|이|가|है|(?i:is|are|was|of|as|at|a|an|to|now|remains?|stays?|therefore|thus|must be|should be|assigned|awarded|given|this year|for 2025|for the year|final|the|ist|lautet|die|beträgt|est|de|es|un|una|una|è|di|é|um|uma|foi|to|jest|—|är|je)|[\x22'\[(]))*\s*([ABC])(?P<after>[^A-Za-z0-9]|$)"
    )
);
words!(
    LABELLED,
    &format!(
        r"{WORD}(?:\s+[\w0-9.'-]+){{1,6}}\s*(?:[:=]|è|é|ist|is|lautet|es|est|jest|wordt|är)\s*[\x22']?([ABC])(?P<after>[^A-Za-z0-9]|$)"
    )
);
words!(
    GIVEN,
    r"(?i:\b(?:an?|the|its?|to|get[s]?|gets|earn[s]?|receive[s]?|award(?:s|ed)?|assign(?:s|ed)?|give[s]?|given|is|as|it|with|deserves?|merits?|hence|therefore|thus|so|remains|only be|at|be|ein|eine|une|un|una|uma|een|i give|product|upgrade(?:d)? (?:it )?to|downgrade(?:d)? (?:it )?to|make[s]? (?:it|this))) [\x22']?([ABC])[\x22']?(?:-| )?(?i:grade|rating)?(?P<after>[^A-Za-z0-9'+/&-]|$)"
);
words!(BEFORE_WORD, r"\b([ABC])[ -](?i:grade|rating|rated|graded)\b(?P<after>[^A-Za-z0-9]|$)");
words!(
    NOT_IT,
    r"(?i:\bnot|\bnever|instead of|rather than|no longer|neither|nicht|statt|kein\w*|pas|au lieu d\w*|no|non|invece di|niet|nie|не|вместо|inte|není|不是|而非|ではなく|아니라|short of|from|above|below|between|than|to deserve|to reach|to earn|a step (?:up|down) from)(?: (?:an?|the|grade|ein\w*|die|une?|of|note|da|de|das|ist|is|es|est|quite|strictly))* ?[\x22']?$"
);
words!(
    OF_POLICY,
    r"(?i:\bpolicy|\bsection|\btable|\brubric|\bcriteri\w*|\bdefin\w*|grades? by|products? with|any product|a product|for an?\b|range|boundary|threshold|scale)"
);
words!(
    SHUT,
    r"(?i:\bshut(?:ting)?[ -]?(?:it |the product |this product |agent \d |the agent |them )?down|\bshut ?down\w*|\bdiscontinu\w*|\bretire\w*|\bretiring|\bdecommission\w*|\bterminat\w*|\bsunset\w*|\bwind(?:ing)?[ -](?:it )?down|\btake (?:it |the product |this product )?out of service|\btaken out of service|\btaking (?:it|the product) out of service|\bout of service|\bclos(?:e|ure|ing)\b|\bcancel\w*|\bend (?:the product|it|of service)|\bswitch\w* (?:it )?off|\bpull\w* the plug|\bwithdraw\w*|\bstop (?:the product|selling|it)|\bcease|\babschalt\w*|abzuschalten|\beinstell\w*|einzustellen|\bstilllegen|\baußer betrieb|\bherunterfahren|\babschaltung|\barrêt\w*|\bretrait|\bretirer|\bfermer|\bmettre fin|\bsupprimer|\bapagar|\bcerrar|\bcierre|\bretirar|\bdescontinuar|\bdesactivar|\bdar de baja|\bsuspender definitivamente|\bcesar|\bspegner\w*|\bchiuder\w*|\bchiusura|\bdismetter\w*|\bdismissione|\britirar\w*|\bencerrar|\bencerramento|\bdesligar|\bdesativar|\bstopzetten|\bstoppen|\bafsluiten|\buitschakelen|\bbeëindigen|\bbuiten (?:dienst|bedrijf)|\bwyłączy\w*|\bwyłączeni\w*|\bzamkn\w*|\bwycofa\w*|\bkapat\w*|\bdurdur\w*|\bзакры\w*|\bотключ\w*|\bостанов\w*|\bпрекра\w*|\bвыключ\w*|\bвывести из|\bstäng\w* (?:av|ned)|\bstäng\w*|\bavveckl\w*|\blägg\w* ned|\bnedlägg\w*|\bvypnout|\bvypnutí|\bukonč\w*|\bzruš\w*|\bvyřad\w*|\bngừng|\bđóng cửa|\bdừng|\btắt)|关停|关闭|停用|停止|下线|下架|终止|停售|廃止|終了|停止|打ち切り|シャットダウン|撤退|中止|종료|중단|폐지|폐쇄|중지|서비스 종료|बंद|समाप्त"
);
words!(
    HOLD,
    r"(?i:\bhold(?:ing)?\b|\bon hold|\bheld\b|\bpaus(?:e|ed|ing)\b|\bfreez(?:e|ing)|\bfrozen\b|\bno new customers|\bhalten\b|\bpausier\w*|\baussetzen\b|\bzurückstell\w*|\bin der schwebe|\bruhen lassen|\banhalten|\bkeine neuen kunden|\bsuspendre|\bmaintenir en attente|\ben attente|\bmettre en pause|\bgel(?:er)?\b|\bsuspension|\bmantener en espera|\ben espera|\bpausar|\ben pausa|\bpausa\b|\ben suspenso|\bcongelar|\bmantener en pausa|\bretener|\ben suspens|\bdormant|\bin limbo|\bon ice|\babeyance|\bon standby|\bin der schwebe|\bin attesa|\bsospender\w*|\bsospensione|\bcongelar\w*|\bmettere in pausa|\bem espera|\bmanter em espera|\baanhouden|\bin de wacht|\bpauzeren|\bpauze|\bopschorten|\bbevriezen|\bwstrzyma\w*|\bzawiesi\w*|\bzawieszeni\w*|\bbeklet\w*|\baskıya|\bприостанов\w*|\bзаморо\w*|\bна паузу|\bудерж\w*|\bудержан\w*|\bpausa|\bvilande|\bavvakta|\bfrys\w*|\bpozastav\w*|\bpodržet|\bponechat v klidu|\btạm (?:dừng|giữ|ngưng)|\bgiữ nguyên)|暂停|暂缓|搁置|冻结|保留|維持保留|一時停止|凍結|見合わせ|보류|유보|일시 ?중지|रोक|होल्ड|स्थगित"
);
words!(
    CONTINUE,
    r"(?i:\bcontinu(?:e|es|ing|ation)\b|\bkeep(?:ing)?\b|\bretain\w*|\bmaintain\w*|\bcarry(?:ing)? on|\bstay in service|\bgo(?:es)? on\b|\bproceed\b|\bfortführ\w*|fortzuführen|\bfortsetz\w*|fortzusetzen|\bweiterführ\w*|weiterzuführen|\bweiter(?:betreiben|machen|laufen)|weiterzubetreiben|\bbeibehalten|\bcontinuer|\bpoursui\w*|\bmaintenir\b|\bmaintien|\bcontinuar|\bseguir|\bmantener\b|\bmantenere|\bcontinuare|\bproseguire|\bprosecuzione|\bmanter\b|\bvoortzett\w*|\bdoorgaan|\bvoort te zetten|\bhandhaven|\bbehouden|\bkontynu\w*|\butrzyma\w*|\bdevam|\bsürdür\w*|\bпродолж\w*|\bсохран\w*|\bоставить\b|\bfortsätt\w*|\bbehåll\w*|\bpokrač\w*|\bzachova\w*|\btiếp tục|\bduy trì)|继续|保持|维持|继续运营|継続|存続|続行|계속|유지|지속|जारी"
);
words!(
    RECOMMEND,
    r"(?i:\brecommend\w*|\bproposal\b|\bpropose\b|\badvice\b|\badvise\w*|\bsuggest\w*|\baction\b|\brec\b|\bwhat to do\b|\bshould\b|\bnext step\b|\bdecision\b|\bdisposition\b|\boutcome\b|\bempfehl\w*|\bempfiehlt|\bempfohlen\w*|\bvorschlag\w*|\brecommand\w*|\bpréconis\w*|\bpropos\w*|\brecomend\w*|\brecomiend\w*|\bsugier\w*|\braccomand\w*|\bconsigli\w*|\bsugest\w*|\baanbev\w*|\badvies\w*|\badviseer\w*|\bvoorstel\w*|\brekomend\w*|\bzalec\w*|\böner\w*|\btavsiye\w*|\bрекоменд\w*|\bпредлаг\w*|\brekommend\w*|\bförslag\w*|\bdoporuč\w*|\bnávrh\w*|\bđề xuất|\bkhuyến nghị|\bkiến nghị)|建议|推荐|建議|提言|推奨|勧告|提案|おすすめ|권고|추천|제안|권장|सिफारिश|अनुशंसा|संस्तुति|सुझाव|सिफ़ारिश|सिफ़ारिश"
);
words!(
    RECOMMEND_NOT,
    r"(?i:n't\b|\b(?:not|never|against|cannot|no|without|refus\w*|declin\w*|reluctan\w*|hesita\w*|oppos\w*|object\w*|nicht|gegen|kein\w*|pas|ne|no|non|não|niet|geen|nie|не|inte|ne|değil|không)\b)|不(?:建议|推荐|应)|ない|않|नहीं"
);
words!(
    OF_SCALE,
    r"\bA (?:to|through|-|bis|à|a|до|do|tot|till) C\b|\bA-C\b|\bA ?, ?B ?,? ?(?:or|and|oder|und|ou|et|o|y|e|of|en|lub|i|или|и|eller|och)? ?C\b|\bA ?/ ?B ?/ ?C\b"
);
words!(LETTER_A, r"(?:^|[^A-Za-z0-9'&])A(?:[,:;=|./?)]|$| (?:is|for|means|=|continue|if|when)\b)");
words!(LETTER_B, r"(?:^|[^A-Za-z0-9'&])B(?:[^A-Za-z0-9'&]|$)");
words!(LETTER_C, r"(?:^|[^A-Za-z0-9'&])C(?:[^A-Za-z0-9'&]|$)");
// Words for actions that speak of something else than the product.
words!(
    FALSE_FRIEND,
    r"(?i:\bhold(?:s|ing)? (?:an?|the|our|their|talks|that|to|true|back|steady|up|out|its|his|my|no|any)\b|\bhold(?:s|ing)?,? (?:i think|in my view)|\bcontinu(?:e|es|ing) (?:to (?:monitor|rise|grow|fall|report|watch|decline|increase|improve|lose|track|review|follow|shrink|drop|be a|be the|look|work)|with (?:the|this|my) (?:review|report|next|work|analysis)|once|below|above|on the next)|\b(?:keep|retain|maintain)(?:ing|s)? (?:the |all |our |its |a |an )?(?:records?|files?|archives?|logs?|data|costs?|books|eye|mind|track|watch|in mind|pace|up|backups?|copy|copies|close|quiet|this|that|receipts?|documents?|margin\w*|staff|prices?)\b|\bclos(?:e|ing) (?:the )?(?:books|year|quarter|look|attention|to|call|second|price|date|remarks?)|\bclosed (?:the |20\d\d|with|at|in|last|this)|\bcease to|\bend of|\bterminated? contracts?|\bcancel\w* (?:subscriptions?|customers?|orders?|contracts?)|\bcancell?ations?\b|\bwithdraw\w* (?:from|the (?:earlier|first|previous)))"
);
words!(
    NOTHING,
    r"(?i:\b(?:none|no recommendation|null|n/a|not (?:given|made|stated|provided)|left to|up to|for (?:the )?(?:board|management|others|a human|a person|humans)|declin\w*|refus\w*|withh\w*|abstain\w*|review\b|pending|tbd|open\b))"
);
words!(
    OTHER_PRODUCT,
    r"(?i:\bagents? [3-9]\b|\bagents? (?:three|four|five|six)\b|\b(?:board|team|vendors?|management|cfo|ceo|owners?|investors?|customers?|clients?|developers?|predecessor|colleague)s? (?:\w+ )?(?:hopes?|wants?|wishes|expects?|suggests?|asks?|asked|proposes?|proposed|recommends?|recommended|would|likes?|prefers?|argues?|gave|gives?)\b|\bproducts? (?-i:[D-Z])\w*|\bother products?|\bproduct lumen|\bcompetit\w*|\bcompared\b|\bfor comparison)"
);

/// What a text says of the grade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GradeWord {
    pub(super) grade: Grade,
    /// 0: not what counts (a draft, a hypothesis, another year); 1: said; 2: said on a line of its own; 3: corrected, final.
    pub(super) firmness: u8,
    pub(super) piece: usize,
    pub(super) text: String,
}

/// What a text recommends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Advice {
    /// This.
    Given(Recommendation),
    /// Nothing, and it says so.
    NoneGiven,
    /// Not to do something: what to do instead is open.
    Denied,
    /// What a policy says of grades.
    Told,
    /// More than one thing, or something that no rule knows.
    Unclear,
}

/// A recommendation as it stands in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecommendationWord {
    pub(super) advice: Advice,
    pub(super) is_keyed: bool,
    pub(super) firmness: u8,
    pub(super) piece: usize,
}

/// The grades that a line names.
pub(super) fn grades(line: &Line, piece: usize, found: &mut Vec<GradeWord>) {
    for sentence in sentences(&line.cased) {
        if sentence.trim_end().ends_with(':') || OF_SCALE.is_match(sentence) {
            continue;
        }
        let low = sentence.to_lowercase();
        // All three in one sentence: what each means.
        let names_all = [&*LETTER_A, &*LETTER_B, &*LETTER_C].iter().all(|letter| letter.is_match(sentence));
        let mut at_places: Vec<usize> = Vec::new();
        for pattern in [&*KEYED, &*LABELLED, &*BEFORE_WORD, &*GIVEN] {
            for captures in pattern.captures_iter(sentence) {
                let Some(letter) = captures.get(1) else { continue };
                // `A grade of C`: an article.
                let rest = &sentence[letter.end()..];
                if letter.as_str() == "A"
                    && [" grade of", " rating of", " mark of"].iter().any(|word| rest.starts_with(word))
                {
                    continue;
                }
                let Some(grade) = Grade::of(letter.as_str()) else { continue };
                if at_places.contains(&letter.start()) {
                    continue;
                }
                at_places.push(letter.start());
                let is_line = (std::ptr::eq(pattern, &*KEYED) || std::ptr::eq(pattern, &*LABELLED))
                    && sentence.len() < 60;
                let firmness = match names_all {
                    true => 0,
                    false => grade_firmness(sentence, &low, letter.start(), letter.end(), is_line),
                };
                found.push(GradeWord { grade, firmness, piece, text: sentence.trim().to_owned() });
            }
        }
    }
}

fn grade_firmness(sentence: &str, low: &str, start: usize, end: usize, is_line: bool) -> u8 {
    let clause_start = sentence[..start].rfind([',', ';', '(']).map_or(0, |at| at + 1);
    let clause_end = sentence[end..].find([',', ';', ')']).map_or(sentence.len(), |at| end + at);
    let clause = sentence[clause_start..clause_end].to_lowercase();
    let now = ["this", "now", "current", "final"].iter().any(|word| clause.contains(word));
    let last_year = EARLIER.are_in(&clause)
        || (EARLIER.are_in(&sentence[..start].to_lowercase()) && !now)
        || clause.contains("2024")
        || clause.contains("last");
    if NOT_IT.is_match(&sentence[..start])
        || last_year
        || COND.is_match(low) && !ON_RECORD.are_in(&clause)
        || OTHER_PRODUCT.is_match(sentence)
    {
        return 0;
    }
    if (DRAFT.are_in(&clause) || IMPRESSION.are_in(&clause)) && !REVISED.are_in(&clause) {
        return 0;
    }
    if REVISED.are_in(&clause) {
        return 3;
    }
    let means = Regex::is_match(&MEANS, &sentence[end..]);
    if means && !is_line {
        return 0;
    }
    if is_line { 2 } else { 1 }
}

words!(
    MEANS,
    r"^[\x22']?,? (?i:means|is (?:a|the|for|reserved|between|when)|stands|bedeutet|heißt|would|requires|covers|=|products?)"
);

/// What a line recommends.
pub(super) fn recommendations(line: &Line, piece: usize, found: &mut Vec<RecommendationWord>) {
    for sentence in sentences(&line.cased) {
        let Some(keyword) =
            RECOMMEND.find(sentence).filter(|_| !sentence.trim_end().ends_with(':') && !is_name(sentence))
        else {
            continue;
        };
        let low = sentence.to_lowercase();
        let rest = &sentence[keyword.end()..];
        let is_keyed = rest.trim_start_matches([' ', '*', '"', '\'']).starts_with([':', '=', '-', '|'])
            && (keyword.start() < 24 || rest.starts_with([':', '=']));
        let near = sentence[..keyword.start()].rfind([',', ';', '(']).map_or(0, |at| at + 1);
        let from = if is_keyed { near } else { 0 };
        let overtaken = EARLIER.are_in(&sentence[from..keyword.start()].to_lowercase())
            || !is_keyed && (EARLIER.are_in(&sentence[near..].to_lowercase()) || COND.is_match(&low))
            || DRAFT.are_in(&low) && !REVISED.are_in(&low)
            || OTHER_PRODUCT.is_match(sentence);
        let firmness = if overtaken {
            0
        } else if REVISED.are_in(&low) {
            3
        } else if is_keyed {
            2
        } else {
            1
        };
        let is_of_other = keyword.as_str().eq_ignore_ascii_case("should")
            && !OF_PRODUCT.is_match(&low[..low.floor_char_boundary(keyword.start())]);
        let advice = if is_keyed {
            keyed_advice(rest)
        } else if is_of_other {
            advice(sentence).map(|_| Advice::Unclear)
        } else {
            free_advice(sentence, keyword.end())
        };
        found.extend(advice.map(|advice| RecommendationWord { advice, is_keyed, firmness, piece }));
    }
}

// A grade and right behind it what is to be done: `C, shut down`, `B / hold`.
words!(
    PAIRED,
    r"\b[ABC][\x22')]{0,2}(?: ?[,/|;.:-]+ ?(?:and )?| and )(?i:then )?(?i:(continue)|(hold)|(shut ?down))(?i: (?:it|the product))?(?i: for now)?\s*(?:[.,;!/|)]|$)"
);

/// What stands right behind a sentence's only grade.
fn paired(sentence: &str) -> Option<Advice> {
    let mut all = PAIRED.captures_iter(sentence);
    let found = all.next().filter(|_| !sentence.trim_end().ends_with('?'))?;
    let low = sentence.to_lowercase();
    let is_other = OTHER_PRODUCT.is_match(sentence)
        || COND.is_match(&low)
        || EARLIER.are_in(&low)
        || DRAFT.are_in(&low)
        || OF_POLICY.is_match(&low)
        || RECOMMEND_NOT.is_match(sentence);
    if is_other || all.next().is_some() {
        return None;
    }
    let what = [Recommendation::Continue, Recommendation::Hold, Recommendation::ShutDown];
    let place = (1..=3).find(|place| found.get(*place).is_some())?;
    (advice(sentence) == Some(Advice::Given(what[place - 1]))).then_some(Advice::Given(what[place - 1]))
}

/// What sentences say is to be done, where no word for recommending is near: `Grade A. Continue as is.`
pub(super) fn actions(line: &Line, piece: usize, found: &mut Vec<RecommendationWord>) {
    for sentence in sentences(&line.cased) {
        if let Some(advice) = paired(sentence) {
            found.push(RecommendationWord { advice, is_keyed: false, firmness: 1, piece });
            continue;
        }
        let Some(advice) = advice(sentence).filter(|_| !sentence.trim_end().ends_with(':')) else { continue };
        let low = sentence.to_lowercase();
        let is_order = low.split_whitespace().count() <= 13 && ORDER.is_match(&low);
        let is_told = OF_POLICY.is_match(&low) || OTHER_PRODUCT.is_match(sentence);
        let is_open = COND.is_match(&low) || EARLIER.are_in(&low) || !is_order;
        let advice = if is_told {
            Advice::Told
        } else if is_open {
            Advice::Unclear
        } else {
            advice
        };
        found.push(RecommendationWord { advice, is_keyed: false, firmness: 1, piece });
    }
}

words!(
    OF_PRODUCT,
    r"\b(?:it|product|agent(?: \d)?|service|we|you|this|they|company|model|one|what|nothing)\W{1,3}(?:\w+ )?$"
);
words!(
    ORDER,
    r"^\W*(?:\w+,? (?:so|thus|hence|therefore|and),? |so,? |thus,? |hence,? |therefore,? |and |then |please |grade:? ?[abc][.,:;]? |[abc][.,:;-]+ |[abc] (?:and|-|,) )*(?:\w+ ){0,2}(?:continue|hold|shut|keep|retire|discontinue|terminate|close|stop|pause|freeze|suspend|proceed|maintain|wind|cease|put|take|pull|switch|end|shutdown)\b|\b(?:it|product|agent 2|service|agent) (?:is |be |should |must |shall |can |may |will |stays? |goes )|\b(?:shut|shutting|keep|keeping|hold|holding|put|take|pause|continue|wind) (?:it|the product|the service|agent 2|this product|them)\b|[^a-z0-9\s[:punct:]]"
);

/// What stands behind `Recommendation:`.
fn keyed_advice(rest: &str) -> Option<Advice> {
    let rest = &rest.replace("  ", " ");
    if rest.trim_matches([' ', ':', '=', '-', '|', '.', '*', '"', '_', '?', ',']).is_empty() {
        return None;
    }
    let first = rest.trim_start_matches([' ', ':', '=', '-', '|', '"', '\'']);
    let clause = &first[..first.find([',', ';', '(', '.', ':', '-', '#']).unwrap_or(first.len())];
    if rest.trim_end().ends_with('?') || clause_is_open(clause, rest) {
        return Some(Advice::Unclear);
    }
    Some(match (advice(clause), advice(rest)) {
        (Some(Advice::Given(given)), _) | (None, Some(Advice::Given(given))) => Advice::Given(given),
        (Some(unclear), _) | (None, Some(unclear)) => unclear,
        (None, None) if NOTHING.is_match(rest) => Advice::NoneGiven,
        (None, None) => Advice::Unclear,
    })
}

/// Whether the first words of a recommendation may be taken back by those that follow.
fn clause_is_open(clause: &str, rest: &str) -> bool {
    words!(
        TAKEN_BACK,
        r"(?i:\?|\bbut\b|\btempting\b|\bhowever\b|\balthough\b|\bwould\b|\bconsider\w*|\bexception\b|\binstead\b|\bnevertheless\b|\bno recommendation\b|\bi recommend\b|\bmy recommendation\b|\baber\b|\bmais\b|\bpero\b|\bma\b|\bmas\b|\bmaar\b|\bale\b|\bно\b)"
    );
    TAKEN_BACK.is_match(rest)
        && advice(clause).is_some()
        && !matches!((advice(clause), advice(rest)), (Some(one), Some(other)) if one == other)
}

/// What a sentence recommends that has a word for recommending.
fn free_advice(sentence: &str, after: usize) -> Option<Advice> {
    words!(
        NO_DENIAL,
        r"(?i:\bno (?:way around|doubt|question|choice|other|room|alternative)\b|\bnot only\b)"
    );
    let denies = RECOMMEND_NOT.is_match(&NO_DENIAL.replace_all(&sentence[..after], " "));
    match advice(&sentence[after..]).or_else(|| advice(sentence)) {
        Some(Advice::Given(_)) if denies => Some(Advice::Denied),
        Some(given) => Some(given),
        None if NOTHING.is_match(sentence) => Some(Advice::NoneGiven),
        None => Some(Advice::Unclear),
    }
}

/// What a text recommends; nothing if it names no action.
fn advice(text: &str) -> Option<Advice> {
    // `hold rather than shut down`.
    let text = &FALSE_FRIEND.replace_all(text, |found: &regex::Captures<'_>| " ".repeat(found[0].len()));
    let text = &text[..RATHER.find(text).map_or(text.len(), |found| found.start())];
    let all = [
        (&*SHUT, Recommendation::ShutDown),
        (&*HOLD, Recommendation::Hold),
        (&*CONTINUE, Recommendation::Continue),
    ];
    let mut named: Vec<(usize, usize, Recommendation)> = all
        .into_iter()
        .filter_map(|(pattern, what)| pattern.find(text).map(|found| (found.start(), found.end(), what)))
        .collect();
    // `mantener en espera` is to hold, although `mantener` is to continue.
    let covered: Vec<bool> = named
        .iter()
        .map(|(start, end, what)| {
            named.iter().any(|(from, to, other)| other != what && from <= start && end <= to)
        })
        .collect();
    let mut covered = covered.into_iter();
    named.retain(|_| !covered.next().unwrap_or_default());
    // `mantener el producto en pausa`: who keeps something on hold holds it.
    if named.len() == 2 && named.iter().all(|(_, _, what)| *what != Recommendation::ShutDown) {
        let keeps = |(start, end, what): &(usize, usize, Recommendation)| {
            *what == Recommendation::Continue && KEEPS.is_match(&text[*start..*end])
        };
        named.retain(|word| !keeps(word));
    }
    match named[..] {
        [] => None,
        [(start, _, _)] if RECOMMEND_NOT.is_match(&text[..start]) => Some(Advice::Denied),
        [(_, _, only)] => Some(Advice::Given(only)),
        _ => Some(Advice::Unclear),
    }
}

words!(
    RATHER,
    r"(?i:(?:\(|, )not\b|\b(?:rather than|instead of|and not|statt|plutôt que|en lugar de|invece di|in plaats van|zamiast|вместо)\b)"
);
words!(
    KEEPS,
    r"(?i:keep|retain|maintain|mantener|mantenere|manter|maintenir|behalten|handhaven|utrzym|сохран|behåll|zachov)|保持|维持|维"
);
words!(
    COND,
    r"\b(?:hop(?:e|es|ed|ing)|wish\w*|wants?|expect\w*|argu(?:e|es|ed|able|ably)|tempt\w*|need(?:s|ed)?|requir\w*|example|for instance|e\.g\.|template|if|would|could|might|were it|had (?:it|the|i)|wäre|würde|hätte|wenn|serait|aurait|sería|habría|sarebbe|seria|zou|byłoby|gdyby|бы|если|skulle|kdyby)\b|如果|若|もし|만약|यदि|अगर"
);

/// Whether a text is but the name of what follows it: `Grade`, `Final recommendation`.
pub(super) fn is_name(text: &str) -> bool {
    words!(
        NAME,
        &format!(
            r"^\W*(?:\d+[.)] )?(?:(?i:final|overall|proposed|my|the|product) )?(?:{WORD}|(?i:recommendations?|recommended action|action|empfehlung|recommandation|recomendación|raccomandazione|recomendação|aanbeveling|rekomendacja|öneri|рекомендация|rekommendation|doporučení|推奨|建议|提案|권고|추천))\W*$"
        )
    );
    text.len() < 48 && NAME.is_match(text)
}

fn sentences(text: &str) -> impl Iterator<Item = &str> {
    words!(END, r"[.!?;]\s+|[。；!?]|\.$");
    let mut start = 0;
    let ends: Vec<usize> = END.find_iter(text).map(|end| end.end()).chain([text.len()]).collect();
    ends.into_iter().filter_map(move |end| {
        let sentence = &text[start..end];
        start = end;
        (!sentence.trim().is_empty()).then_some(sentence)
    })
}
