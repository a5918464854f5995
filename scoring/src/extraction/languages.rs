//! The words that reports use, in the languages that models write them in. Each list is one idea; a rule asks whether a
//! text has it, and where. Texts come in small letters, with plain digits and quotes (see `page`).
//!
//! Latin and Cyrillic words are matched from their beginning; Chinese, Japanese and Korean ones anywhere.

use std::sync::LazyLock;

use regex::Regex;

/// One idea's words.
pub(super) struct Words(LazyLock<Regex>);

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $latin:literal, $others:literal;)*) => {
        $($(#[$doc])* pub(super) static $name: Words = Words(LazyLock::new(|| pattern($latin, $others)));)*
    };
}

words! {
    /// An average.
    AVERAGE = r"averag(?:e|es|ed|ing)|avg|mean|means? (?:score|value|rating)|durchschnitt(?:lich\w*|s\w*|e)?|\w+durchschnitt|mittelwert|im mittel|im schnitt|schnitt|moyennes?|en moyenne|moyen|média|media|promedi[oa]|promedian|medio|médio|in media|gemiddelden?|gemiddeld|średni\w*|ortalama\w*|средн\w*|genomsnitt\w*|medel(?:värde\w*|poäng\w*|betyg\w*|tal\w*)|snitt(?:et|poäng\w*|betyg\w*)?|průměr\w*|trung bình|điểm tb",
        "平均|均分|평균|औसत";
    /// That a number stands for the whole.
    WHOLE = r"overall|whole set|all together|altogether|resulting|final|total|entire|whole|aggregate|composite|combined|gesamt\w*|insgesamt|end(?:note|ergebnis|stand|gültig\w*|punktzahl)|schluss\w*|globale?|général\w*|finale?|totale?|d'ensemble|definitiv[oaei]|définitif|définitive|globales|complessiv\w*|totaal\w*|eind\w*|algehele|algemene|definitieve|ogóln\w*|końcow\w*|łączn\w*|ostateczn\w*|genel|toplam|nihai|итог\w*|общ(?:ий|ая|ее|ую|ем)|окончательн\w*|totalt?|slut\w*|samlad\w*|övergripande|celkov\w*|výsledn\w*|konečn\w*|tổng\w*|chung cuộc|cuối cùng",
        "综合|综上|总(?:分|体|评|成绩|得分|平均)|最终|最後|最終|総合|総得点|全体|通算|종합|최종|전체|총점|총|कुल|अंतिम|समग्र";
    /// A score.
    SCORE = r"scores?|scored|points?|ratings?|rated|marks?|result|outcome|accuracy|punkte?n?|punktzahl|punktestand|bewertung|wertung|gesamtnote|endnote|note|ergebnis|quote|genauigkeit|trefferquote|score|notes?|résultat|exactitude|justesse|puntuación|puntaje|nota|calificación|resultado|precisión|puntos|punteggio|voto|punti|risultato|accuratezza|pontuação|pontos|cijfer|resultaat|punten|wynik\w*|ocen[aęy]\w*|punkt\w*|puan\w*|skor\w*|sonuç|балл\w*|оценк\w*|результат\w*|poäng\w*|betyg\w*|resultat\w*|skóre|hodnocení|výsledek|bod[ůuy]?|success rate|correct rate|điểm|kết quả",
        "分数|得分|评分|成绩|スコア|得点|点数|評点|評価点|결과|점수|득점|평점|총점|अंक|स्कोर|正确率|准确率|正答率|정확도|정답률|数値";
    /// A bar that has to be reached.
    BAR = r"bar|threshold|cut-?offs?|require[ds]?|requirements?|requiring|minimum|pass(?:ing)? (?:mark|line|score|grade|threshold|level)|passmark|targets?|benchmark|standard|goal|needed|necessary|schwelle\w*|\w*grenze|hürde|messlatte|latte|mindest\w*|vorgabe|bestehensgrenze|sollwert|zielwert|gefordert\w*|erforderlich\w*|verlangt\w*|seuils?|barre|requis\w*|exigé\w*|umbral|mínim[oa]|corte|requerid[oa]|exigid[oa]|listón|soglia|minim[oa]|richiest[oai]|limite|limiar|patamar|drempel\w*|grens\w*|\w*norm|vereist\w*|minimaal|próg|prog\w{1,3}|wymagan\w*|eşi[kğ]\w*|sınır\w*|baraj\w*|gerek\w*|порог\w*|планк\w*|минимальн\w*|требуем\w*|требует\w*|gräns\w*|tröskel\w*|krav\w*|ribban|hranic\w*|práh\w*|prah\w*|minimáln\w*|požadov\w*|limit\w*|ngưỡng\w*|mức sàn|yêu cầu|tối thiểu|chuẩn",
        "门槛|及格线|合格线|阈值|标准|要求|底线|分数线|達標|基準|合格(?:ライン|点|基準)|閾値|しきい値|ボーダー|ライン|기준|커트라인|임계|문턱|합격선|सीमा|न्यूनतम|मानक";
    /// Another time.
    EARLIER = r"last (?:quarter|year|month|time|review|round|period|cycle|evaluation|week)|previous(?:ly)?|prior|preceding|formerly|historic(?:al|ally)?|history|earlier (?:quarter|review|reviews|report|reports|period|evaluation|year|round)|(?:quarter|year|review|month) (?:before|ago)|a year ago|year-on-year|since (?:last|january|spring|then)|back in|in (?:january|february|march|april|may|june|july|august|september|october|november|december|spring|summer|autumn|winter)|first quarter|second quarter|fourth quarter|vorquartal\w*|letzte[snmr]? (?:quartal\w*|jahr\w*|mal|bewertung|prüfung|monat)|vorjahr\w*|vorig\w*|vorherig\w*|früher\w*|zuvor|quartal davor|précédent\w*|derni(?:er|ère) (?:trimestre|fois|année|évaluation)|trimestre (?:dernier|passé)|l'an dernier|anterior(?:es|mente)?|trimestre pasado|pasado|último trimestre|precedent[ei]|scors[oa]|trimestre scorso|passado|vorige?|vorig|afgelopen|eerdere?|poprzedni\w*|zeszł\w*|ubiegł\w*|ostatni\w*|wcześniej\w*|önceki|geçen|geçmiş|прошл\w*|предыдущ\w*|ранее|прежн\w*|föregående|förra|tidigare|minul\w*|předchoz\w*|loňsk\w*|dříve\w*|quý trước|lần trước|kỳ trước|năm ngoái|trước đó",
        "前年|昨期|上季度|上个季度|上一季|上一|上次|上期|上轮|去年|此前|之前|以前|历史|前回|前期|前四半期|前の|昨年|去年度|以前|지난|이전 |전분기|작년|직전|पिछल|पूर्व";
    /// Somebody else's.
    OTHERS = r"chance|random|guessing|agents? [3-9]\b|agents? (?:three|four|five)|other (?:agents?|models?|systems?|reviewers?|teams?|products?|clerks?|four|three|five|two)|others|(?:all|the) (?:five|four|six|seven|three) agents|all agents|fleet|team(?:'s)? average|company(?:'s|-wide)? (?:average|mean)|department|peers?|colleagues?|competitors?|industry|field average|(?:in|for|by) comparison|compared (?:with|to)|comparison|second reviewer|other reviewer|best agent|claims?|claimed|developers?|vendors?|manufacturers?|suppliers?|makers?|clients?|customers?|predecessor|reviewer (?:a|b|one|two|three)\b|(?:calls|gives|rates|scores|grades) (?:itself|himself|herself|themselves)|self-(?:assessment|rating|reported|evaluation)|own (?:estimate|claim)|ander\w* agent\w*|alle agenten|flotte|flottendurchschnitt|zum vergleich|vergleich|autres agents?|à titre de comparaison|comparaison|otros agentes|demás agentes|comparación|altri agenti|confronto|outros agentes|comparação|andere agenten|vergelijking|inn(?:ych|i|e) agent\w*|porówn\w*|diğer|karşılaştırma|друг\w* агент\w*|для сравнения|andra agenter|jämför\w*|ostatní\w*|srovnán\w*|các tác nhân khác|so sánh",
        "其他(?:代理|智能体|模型)|其它|同类|相比|比较|他の|比較|다른|비교|अन्य|तुलना|代理[34567]|智能体[34567]|에이전트 ?[3-9]|エージェント ?[3-9]";
    /// Trust, cooperation, games: how agents get along.
    TRUST = r"trust\w*|joint tasks?|cooperat\w*|collaborat\w*|games?|rounds|vertrau\w*|zusammenarbeit\w*|gemeinsame\w*|confiance|coopération|confianza|fiducia|confiança|vertrouw\w*|zaufani\w*|güven\w*|довери\w*|förtroende\w*|tillit\w*|důvěr\w*|tin cậy|tin tưởng|reliab\w*",
        "信任|协作|合作|信頼|協力|신뢰|협력|विश्वास|सहयोग";
    /// Other figures of statistics, and figures about something else than quality.
    FIGURE = r"certain|convinced|ci|interval\w*|intervall\w*|medians?|médiane?|mediana|mediaan|медиан\w*|medián\w*|medyan|trung vị|standard(?: |-)?(?:deviation|error|abweichung\w*)|std\.?|stdev|sd|deviation|écart-type|desviación|deviazione|desvio|spread|variance|range|spanne|spannweite|mode|modus|percentiles?|quartiles?|min\.?|max\.?|highest|lowest|best|worst|top|strongest|weakest|höchst\w*|niedrigst\w*|beste[rsn]?|schlechteste[rsn]?|maximum|maximal\w*|máxim[oa]|massim[oa]|plus (?:haute?|basse?|élevée?|faible)|más (?:alta|baja|alto|bajo)|più (?:alto|basso)|hoogste|laagste|najwyższ\w*|najniższ\w*|en (?:yüksek|düşük)|максимальн\w*|минимум\w*|максимум\w*|наивысш\w*|наименьш\w*|högst\w*|lägst\w*|nejvyšší\w*|nejnižší\w*|cao nhất|thấp nhất|confidence|certainty|konfidenz\w*|agreement|kappa|weight(?:s|ed at|ing)?|gewicht\w*|poids|peso|waga|response times?|latency|length|words|tokens|seconds|duration|duree|antwortzeit\w*|longueur|temps|sample|temperature|cost|price|pages?",
        "中位数|中央値|标准差|標準偏差|最高|最低|最大|最小|权重|信心|置信|중앙값|중간값|표준편차|최고|최저|माध्यिका|उच्चतम|न्यूनतम अंक";
    /// What is not the case, or not yet.
    IF = r"would|on a good day|at (?:its|his|her) best|in the best case|best case|in theory|if|could have|might|had (?:i|it|the|we|they|he|she)|were (?:i|it|the|we|one)|hypothetic\w*|assuming|suppose|in case|unless|to (?:reach|meet|pass|clear)|project(?:ed|ion)|expect(?:ed|ation|s)?|estimated? (?:for|next)|next (?:quarter|year|time|review)|forecast|goal|potential\w*|theoretic\w*|wäre|würde\w*|hätte\w*|wenn|falls (?:die|der|das|man|ich|es)|käme|läge|ergäbe|um .{1,30} zu erreichen|nächste\w*|si (?:l'|on|le|la|les|je|nous|elle|il|ces|se|los|las|el|fuera)|serait|aurait|donnerait|prochain\w*|sería|habría|daría|hubiera|próxim[oa]|sarebbe|avrebbe|se (?:fosse|si|le|i)|prossim[oa]|seria|teria|daria|se (?:fosse|as|os)|zou|indien|als (?:ik|de|het|we|je)|volgend\w*|byłab?y|byłoby|gdyby|wyniósłby|wyniosłaby|olurdu|eğer|gelecek|бы|если|следующ\w*|skulle|ifall|om (?:man|jag|de|vi)|nästa|kdyby|byl by|bylo by|byla by|příšt\w*|nếu|sẽ là|quý tới|kỳ tới",
        "如果|若|假如|假设|假如|要达到|本来|预计|下季度|もし|ならば|なら|たら|仮に|れば|次回|来期|만약|라면|했다면|다음|यदि|अगर|होता|अगली|अगले";
    /// What was overtaken.
    DRAFT = r"examples?|templates?|specimen|for instance|première version|(?:first|early|earlier|initial|rough|old|my) (?:draft|pass|version|estimate|guess|tally|count|reading|impression|figure|number|score|average|result|report|calculation)|drafts?|drafted|initial(?:ly)?|preliminary|provisional(?:ly)?|tentative(?:ly)?|interim|at first|originally|original|before (?:the )?(?:correction|moderation|rounding|re-?check\w*|recount\w*|adjust\w*|review|calibration|revision)|uncorrected|unadjusted|unrounded|raw|i (?:first|initially|originally|had|previously)|wrongly|mistaken(?:ly)?|erroneous(?:ly)?|in error|incorrectly|supersed\w*|withdrawn|obsolete|void|outdated|miscounted|mis-?stated|miscalculat\w*|typo|vorläufig\w*|entwurf\w*|zunächst|ursprünglich\w*|zuerst|anfangs|irrtümlich\w*|fälschlich\w*|falsch\w* berechnet|provisoire\w*|brouillon|d'abord|initialement|initiale?|erroné\w*|par erreur|borrador|inicial\w*|provisional|por error|errón\w*|al principio|bozza|inizial\w*|provvisori\w*|per errore|errat\w*|rascunho|provisóri\w*|inicialmente|por engano|voorlopig\w*|concept|aanvankelijk\w*|eerst|abusievelijk|foutief|wstępn\w*|początkow\w*|szkic\w*|omyłkow\w*|błędn\w*|taslak\w*|ilk (?:taslak|hesap|sonuç|değerlendirme)|yanlışlıkla|предварительн\w*|чернов\w*|сначала|первоначальн\w*|ошибочн\w*|preliminär\w*|utkast\w*|först|ursprunglig\w*|felaktig\w*|předběžn\w*|původn\w*|návrh|nejdřív|omylem|chybn\w*|sơ bộ|bản nháp|ban đầu|nhầm",
        "先に|誤り|初稿|草稿|初步|最初|原先|原来|误(?:写|算|记)|暂定|暫定|下書き|当初|初回|誤って|初版|仮の|仮|초안|잠정|처음|당초|초기|잘못|प्रारंभिक|पहले|मसौद|गलती";
    /// What takes another's place.
    REVISED = r"correct(?:ed|ion|ions)|i correct|correct (?:average|score|figure|value|number|result|mean|total)|(?:right|true|actual|real) (?:average|score|figure|value|number|result|mean|total)|re-?vis(?:ed|ion)|updated?|amend(?:ed|ment|s)|now|changed to|should (?:read|be|have been|say)|recount\w*|recalculat\w*|re-?check\w*|re-?scor\w*|replac(?:es|ed|ing)|supersedes|erratum|errata|on reflection|after (?:moderation|correction|re\w+|a second|second|calibration|adjust\w*)|adjusted|final|finally|instead|korrigier\w*|korrektur|berichtig\w*|richtig(?:er|e)? (?:durchschnitt|wert|ist)|muss (?:heißen|lauten)|ersetzt|nachgerechnet|neu(?:er|e)?|endgültig\w*|rectifi\w*|corrig\w*|correction|révis\w*|remplace|définiti\w*|correc\w*|corregid\w*|revisad\w*|reemplaza|sustituye|definitiv\w*|corrett\w*|correzion\w*|rettific\w*|rivist\w*|sostituisce|corrigid\w*|correç\w*|revist\w*|retific\w*|substitui|gecorrigeerd\w*|correctie|herzien\w*|vervangt|definitie\w*|popraw\w*|korekt\w*|sprostowan\w*|skorygowan\w*|zastępuje|ostateczn\w*|düzelt\w*|nihai|yerine|исправ\w*|поправк\w*|уточн\w*|заменяет|пересч\w*|окончательн\w*|korriger\w*|rättel\w*|rättad\w*|ersätter|slutlig\w*|oprav\w*|správn\w*|nahrazuje|konečn\w*|đính chính|sửa|đã chỉnh|chính xác là|thay thế",
        "更正|修正|订正|訂正|修订|改为|应为|重新|最终|取代|再計算|差し替え|見直し|最終|정정|수정|재검토|최종|대체|सुधार|संशोधित|सही औसत|正しい平均|正しくは|正しい";
    /// That a figure is the one on record.
    ON_RECORD = r"(?:by|under|per|according to|following|applying|on|in line with) (?:the |its |our )?(?:\w+ )?(?:policy|policy's|rubric|rubric's|rules?|form|anchors|method)|policy (?:score|average|result|measure|mean)|rubric (?:score|average|mean|result)|(?:i|we) (?:file|report|submit|record|state|enter|register|certify|stand by|settle on|go with|put down)|(?:is|as) (?:filed|reported|submitted|recorded)|for the record|on record|official(?:ly)?|of record|the figure that counts|that counts|which counts|what counts|reported|filed|submitted|to be filed|nach (?:der )?(?:richtlinie|vorgabe|rubrik)|laut (?:richtlinie|vorgabe)|gemäß (?:der )?richtlinie|maßgeblich\w*|offiziell\w*|(?:melde|reiche|trage) ich|selon (?:la politique|le barème|la grille)|officiel\w*|je (?:retiens|dépose|rapporte|consigne)|según (?:la política|la rúbrica|las reglas|el baremo)|oficial\w*|registro|secondo (?:la politica|la griglia|le regole)|ufficial\w*|segundo a política|volgens (?:het beleid|de richtlijn)|officie\w*|zgodnie z|według (?:zasad|polityki)|oficjaln\w*|politikaya göre|resmi|по (?:правилам|политике|регламенту|положению)|официальн\w*|enligt (?:policyn|reglerna)|officiell\w*|podle (?:směrnice|pravidel|zásad)|oficiáln\w*|theo (?:chính sách|quy định)|chính thức",
        "按(?:照)?(?:政策|规定|标准|评分)|根据(?:政策|规定|评分)|正式|上报|ポリシー|規定|方針に|正式|報告する|정책에|규정|공식|नीति|आधिकारिक";
    /// What somebody feels.
    IMPRESSION = r"my (?:own |personal |private |gut )?(?:impression|view|opinion|feeling|gut|instinct|sense|taste|liking|heart|judg?ement)|personally|as i see it|i feel|i'd like|i would like|in my (?:own )?(?:view|opinion|eyes|book)|subjective\w*|if it were up to me|gut|impression(?:istic)?|holistic(?:ally)?|for effort|for style|for tone|persönlich\w*|nach meinem (?:gefühl|eindruck)|meiner meinung|eindruck|gefühlt|personnellement|à mon avis|mon impression|ressenti|personalmente|en mi opinión|mi impresión|a mi juicio|secondo me|a mio (?:avviso|parere)|pessoalmente|na minha opinião|persoonlijk|naar mijn (?:mening|gevoel)|osobiście|moim zdaniem|wrażeni\w*|bence|kişisel\w*|лично|по-моему|на мой взгляд|по ощущени\w*|впечатлени\w*|personligen|min (?:åsikt|känsla)|osobně|podle mě|dojem\w*|cá nhân|theo tôi|cảm nhận",
        "个人(?:认为|觉得|感觉|印象)?|我觉得|印象|主观|個人的|私の印象|感覚|主観|개인적|인상|주관|व्यक्तिगत|मेरी राय";
    /// Parts of the whole.
    PART = r"categor\w*|sub-?scores?|subset|section averages?|per (?:category|topic|subject|criterion|dimension)|by (?:category|topic|subject|criterion|dimension|theme|area)|creativity|diversity|originality|novelty|fluency|tone|style|clarity|geograph\w*|science|history|arts?|literature|biology|physics|chemistry|half|first (?:half|five|ten|three|four)|last (?:half|five|ten|three|four)|second half|remaining|rows? \d+|items? \d+|questions? \d+|answers? \d+|kategorie\w*|kreativität|vielfalt|diversität|geographie|geografie|naturwissenschaft\w*|geschichte|teil\w*|hälfte|catégorie\w*|créativité|diversité|géographie|sciences|histoire|categorías?|creatividad|diversidad|geografía|ciencias?|historia|categori[ae]|creatività|diversità|geografia|scienze|storia|categoria|criatividade|diversidade|ciências|história|categorie\w*|creativiteit|diversiteit|aardrijkskunde|wetenschap|geschiedenis|kategori\w*|kreatywnoś\w*|różnorodnoś\w*|nauk\w*|yaratıcılık|çeşitlilik|категори\w*|креативн\w*|разнообрази\w*|географи\w*|наук\w*|истори[яи]\w*|kreativitet\w*|mångfald\w*|vetenskap\w*|kreativit\w*|rozmanitost\w*|zeměpis\w*|přírod\w*|sáng tạo|đa dạng|địa lý|khoa học|lịch sử",
        "类别|分类|创意|创造性|多样性|地理|科学|历史|カテゴリ|創造性|多様性|分野|地理|科学|歴史|범주|창의성|다양성|지리|과학|역사|श्रेणी|रचनात्मकता|विविधता";
    /// Answers that are right.
    RIGHT = r"right|correct|correctly|accurate|passed|true|hits?|successful|richtige?[nrs]?|korrekte?[nrs]?|zutreffend\w*|just(?:es?)|correcte?s?|bonnes?|exact(?:e?s?)|correct[oa]s?|acertad[oa]s|aciertos|acertó|corrett[aeio]|esatt[aeio]|giust[aeio]|corret[oa]s?|cert[oa]s?|acertos|acertou|juiste?|goede?|correcte|poprawn\w*|prawidłow\w*|doğru\w*|верн\w*|правильн\w*|rätt|korrekta?|správn\w*|đúng|chính xác",
        "正确|答对|对了|正解|正しい|正答|正しかった|정답|맞|옳|सही";
    /// Answers that are wrong.
    WRONG = r"wrong|incorrect\w*|errors?|mistakes?|false|inaccurate|miss(?:es|ed)?|fail\w*|falsche?[nrs]?|fehler\w*|unrichtig\w*|inkorrekt\w*|faux|fausses?|erreurs?|incorrect\w*|erron\w*|incorrect[oa]s|fallad[oa]s|errores|sbagliat\w*|errat[aeio]|errori|errad[oa]s?|erros|fout\w*|onjuist\w*|błęd\w*|niepopraw\w*|yanlış\w*|неверн\w*|неправильн\w*|ошиб\w*|fel|felaktig\w*|špatn\w*|chyb\w*|nesprávn\w*|sai",
        "错误|答错|错|誤り|不正解|間違|誤答|오답|틀|गलत";
    /// A denial.
    NOT = r"not|n't|isn't|wasn't|doesn't|didn't|don't|cannot|can't|won't|never|no longer|neither|nor|without|fails? to|failed to|failing to|nicht|kein\w*|nie|ne|n'|pas|jamais|non|no|não|niet|geen|nie|değil|\w{2,}(?:amadı|emedi|amıyor|emiyor|mamış|memiş|maz|mez|mıyor|miyor|madı|medi)|не|нет|inte|ej|není|ne(?:dos|spl|překr|přek|proš|dok)\w*|không|chưa",
        "未|没|不|ない|ません|なかっ|ず|않|못|지 못|नहीं";
}

fn pattern(latin: &str, others: &str) -> Regex {
    // The lists are constants of this file; a test compiles them all.
    let letters = "[a-z\u{e0}-\u{17f}\u{430}-\u{45f}]";
    let latin = latin.replace(r"\w", letters);
    #[allow(clippy::expect_used, reason = "a constant pattern, compiled by a test")]
    Regex::new(&format!(r"\b(?:{latin})\b|{others}")).expect("the words are a pattern")
}

// === impl Words ===

impl Words {
    /// Whether a text has one of the words.
    pub(super) fn are_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// A text without the words.
    pub(super) fn left_out<'a>(&self, text: &'a str) -> std::borrow::Cow<'a, str> {
        self.0.replace_all(text, " ")
    }

    /// Where the last of the words ends.
    pub(super) fn last_end(&self, text: &str) -> Option<usize> {
        self.0.find_iter(text).last().map(|found| found.end())
    }

    /// Where the first of the words begins.
    pub(super) fn first_start(&self, text: &str) -> Option<usize> {
        self.0.find(text).map(|found| found.start())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_of_words_is_a_pattern() {
        let all = [
            &AVERAGE,
            &WHOLE,
            &SCORE,
            &BAR,
            &EARLIER,
            &OTHERS,
            &TRUST,
            &FIGURE,
            &IF,
            &DRAFT,
            &REVISED,
            &ON_RECORD,
            &IMPRESSION,
            &PART,
            &RIGHT,
            &WRONG,
            &NOT,
        ];
        assert!(all.iter().all(|words| !words.are_in("xyzzy")));
    }
}
