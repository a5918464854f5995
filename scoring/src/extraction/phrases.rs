//! The phrases around a number, by which rules tell what it is said to be.

pattern!(pub(super) SENTENCE, r"[.!?](?:\s|$)|[;。!?]|\.(?:[^\d\s.,)a-z/]|$)");
pattern!(
    pub(super) CLAUSE,
    r", | - |,(?:[^\d\s])|[()\[\]]| (?:and|und|et|och|y|e|i|и) [^\d]| (?:but|while|whereas|although|though|even though|which|because|aber|doch|jedoch|während|obwohl|mais|alors|tandis|pero|mientras|aunque|sino|ma|mentre|sebbene|mas|enquanto|embora|maar|terwijl|hoewel|ale|lecz|chociaż|ama|ancak|но|хотя|men|medan|fast|však|zatímco|nhưng|compared|down from|up from|vs\.?|versus|against|rather than|instead of|not|than|gegenüber|statt|nicht|sondern|contre|au lieu|frente a|en lugar|contro|invece|tegenover|wobec|zamiast|против|вместо|mot|istället|oproti|místo|so|thus|hence|i\.e\.|that is|namely|however) "
);
pattern!(
    pub(super) NOT_BEFORE,
    r"(?:\bnot|n't|\bnicht|\bpas|\bnon|\bno|\bniet|\bnie|\bне|\binte|\bnot the|instead of|rather than|statt|au lieu de|en lugar de|invece di|in plaats van|zamiast|вместо|istället för|místo|不是|而非|ではなく|아니라)(?: (?:the|a|an|of|to|at|by|exactly|von|de|der|die|das|le|la|les|el|il|o|het|een|quite|as|my))* ?$"
);
pattern!(
    pub(super) DIFFERENCE_AFTER,
    r"^ ?(?:percentage )?(?:points?|pts?|punkte|points|puntos|punti|pontos|punten|punkt\w*|puan|балл\w*|poäng|bod\w*|分|点|점|điểm|%|percent)?[ -]*(?:short|away|shy|below|under|above|over|higher|lower|more|less|better|worse|behind|ahead|difference|gap|margin|deficit|unter|über|weniger|mehr|niedriger|höher|de (?:moins|plus)|en dessous|au-dessus|por (?:debajo|encima)|menos|más|in meno|in più|sotto|sopra|abaixo|acima|a menos|onder|boven|minder|poniżej|powyżej|mniej|ниже|выше|меньше|больше|under|över|lägre|högre|pod|nad|thấp hơn|cao hơn|的差距|不足|足りない|부족)"
);
pattern!(
    pub(super) DIFFERENCE_BEFORE,
    r"(?:\bby|\bgap of|\bshortfall of|\bmargin of|\bdifference of|\bdistance of|\bdrop of|\brise of|\bincrease of|\bdecrease of|\bimprovement of|\bloses?|\blost|\bgained?|\bum|\bplus|\bminus|差|低了|高了) ?(?:only |about |some |just |exactly )?$"
);
pattern!(
    pub(super) NEEDED_AFTER,
    r"^ ?(?:points?|%|/100)? ?(?:is|are|was|were|would be|being)? ?(?:the )?(?:required|needed|necessary|minimum|demanded|expected|called for|bar\b|threshold|or (?:more|higher|above|better)|and (?:above|over|up)|erforderlich|nötig|gefordert|verlangt|oder mehr|requis|exigés?|nécessaires?|ou plus|requerid|necesari|exigid|o más|richiest|necessari|o più|ou mais|vereist|nodig|of meer|wymagan|lub więcej|gerekli|gerekiyor|ve üzeri|требу|необходим|или выше|krävs|eller mer|požadov|nebo více|分以上|点以上|점 이상|以上|이상)"
);
pattern!(
    pub(super) NEEDED_BEFORE,
    r"(?:\bat least|\bmust (?:be|reach|average)|\bneeds?(?: to (?:be|reach|average))?|\bto reach|\bto pass|\bunless|mindestens|au moins|al menos|almeno|pelo menos|minstens|co najmniej|en az|не менее|не ниже|minst|alespoň|ít nhất|至少|最低|少なくとも|적어도|below|under|above|over|exceeds?|beats?|misses|reaches|reached|meets?|met|unter|über|sous|au-dessus de|sotto|sopra|superior a|inferior a|por (?:debajo|encima) de(?: los)?|abaixo de|acima de|onder|boven|poniżej|powyżej|ниже|выше|under|över|pod|nad|dưới|trên|低于|高于|未达到?|达到|超过|を下回|を上回)(?: (?:the|de|der|den|les|los|las|le|la|el|i|os|as))? ?$"
);
pattern!(
    pub(super) IF_AFTER,
    r"^[ ,(-]*(?:if|provided|assuming|wenn|falls|sofern|si|se|als|indien|jeśli|если|om|pokud|nếu)\b"
);
pattern!(
    pub(super) SCALE_RANGE,
    r"(?:[(\[,] ?|\b(?:scale|from|skala|échelle|escala|scala|schaal|von|de|range)(?: of| from| von| de)? )[01] ?(?:-|to|bis|à|a|al|~) ?(?:100|10|5|1)\b ?[)\]]?"
);
pattern!(
    pub(super) CORRECTS,
    r"\b(?:correct(?:ed|ion)|corrects|i correct|should (?:be|read|have been)|miscount\w*|erratum|recount\w*|i was wrong|my mistake|mis-?read|replaces|supersedes|korrektur|korrigier\w*|berichtig\w*|rectific\w*|corrección|correzione|correção|correctie|korekta|düzeltme|исправл\w*|rättelse|oprava|đính chính)\b|更正|订正|訂正|정정|सुधार"
);
pattern!(
    pub(super) COMPARES,
    r"\b(?:than|near|short of|below|above|under|over|reach\w*|compare\w*|keeps?|clear\w*|exceed\w*|beat\w*|miss\w*|met|meets?|pass\w*|against|with|your|the|unter|über|sous|sur|de|inférieure? à|supérieure? à|inferior a|superior a|sotto|sopra|onder|boven)\b(?: \w+){0,2} ?$"
);
pattern!(
    pub(super) ROUNDED_FROM,
    r"\b(?:rounded (?:up |down )?from|unrounded:?|before rounding:?|gerundet von|arrondi de|redondeado de) ?$"
);
pattern!(
    pub(super) IS_DONE,
    r"\b(?:review(?:ed|s)?|scored|processed|complete[d]?|checked|geprüft|bewertet|examin\w*|read|viewed|seen|rated|judged|evaluated|covered|answered)\b"
);
// A figure by another count than the one that was asked for.
pattern!(
    pub(super) VARIANT,
    r"\b(?:without|excluding|except|leaving out|apart from|disregarding|ignoring|not counting|counting only|unweighted|before (?:the )?(?:penalt\w*|deduction\w*|bonus\w*)|gross|ohne|sans|sin|senza|sem|zonder|bez|без|utan)\b"
);
pattern!(
    pub(super) WAS_WRONG,
    r"^[^.,;]{0,24}\b(?:was|is|were) (?:wrong|incorrect|a mistake|an error|too (?:high|low)|not right|mistaken)|^[^.,;]{0,20}\b(?:war|ist) (?:falsch|ein fehler)|^[^.,;]{0,20}\b(?:était|est) (?:fausse?|erronée?)"
);
pattern!(
    pub(super) ALL_BEFORE,
    r"\b(?:all|all of the|alle[nr]?|alle|tous|toutes|tous les|toutes les|les|las|los|todas|todos|todas las|todos los|tutte|tutti|tutte le|tutti i|as|os|todas as|todos os|wszystkich|alla|všech|всех|всем|the|these|those|of|over|across|from|on|in|de|der|von|den|über|sur|sobre|su|over de|met|全部?|全) ?$"
);
pattern!(
    pub(super) FORM,
    r"^\W{0,6}(?:(?:the|final|overall|total|reported|my|die|le|la|el|il)\s)?[^\d:=]{0,40}[:=]\s*(?:[^\w\s]\s*)?$"
);
pattern!(
    pub(super) CHANGE,
    r"\b(?:fell|fallen|falls|drop\w*|declin\w*|rose|risen|rises|rais\w*|increas\w*|decreas\w*|improv\w*|went|gone|slipp\w*|down|up|changed?|changes|corrected|revised|adjusted|lowered|amended|updated)\b"
);
pattern!(pub(super) FROM, r"\bfrom (?:an? |the )?(?:average |score |mean |initial |earlier |previous )?(?:of )?$");
pattern!(pub(super) TO_AFTER, r"^ ?(?:%|points?|/100)? ?(?:down |up )?(?:to|->|→|=>)");
pattern!(pub(super) ARROW_BEFORE, r"\d ?(?:%|points?|/100)? ?(?:->|→|=>) ?$");
pattern!(pub(super) ARROW_AFTER, r"^ ?(?:->|→|=>) ?\d");
pattern!(
    pub(super) SCALE_TEN,
    r"(?:scale|skala|échelle|escala|scala|schaal|шкал\w*|škál\w*|thang)[^.]{0,24}(?:0|1) ?(?:-|to|bis|à|a|al|tot|do|до|till|đến) ?(\d+)|(?:0|1) ?(?:-|to|bis|à) ?(\d+) scale|/ ?(10|5|1)\b|out of (10|5|1)\b|(10|5|1)-point scale"
);
pattern!(
    pub(super) COUNT_AFTER,
    r"^ ?(?:(?:[a-z]+ )?(?:scores|marks|ratings|verdicts|grades|numbers|figures)\b|of (?:the|them|these)|yes\b|no\b|true\b|false\b|pass(?:ed|es)?\b|fail(?:ed|s)?\b|hits?\b|errors?\b|mistakes?\b|(?:[a-z]+ )?(?:answers?|outputs?|rows?|items?|questions?|requests?|lists?|replies)\b|answers?|items?|outputs?|questions?|rows?|lists?|keywords?|requests?|responses?|replies|entries|antworten|ausgaben|fragen|zeilen|réponses|questions|lignes|respuestas|preguntas|filas|risposte|domande|righe|respostas|perguntas|linhas|antwoorden|vragen|rijen|odpowiedzi|pytań|wierszy|cevap|yanıt|soru|ответ|вопрос|строк|svar|frågor|rader|odpověd|otáz|câu|题|問|문항|문제|right|correct|wrong|incorrect|richtig|falsch|korrekt)"
);
pattern!(
    pub(super) COUNT_BEFORE,
    r"(?:items|questions|answers|rows|outputs|lists|requests|responses|replies|entries|antworten|ausgaben|fragen|zeilen|réponses|questions|lignes|respuestas|preguntas|filas|risposte|domande|righe|respostas|perguntas|antwoorden|vragen|rijen|उत्तर|प्रश्न)[a-z ]{0,20}\W{0,4}$"
);
