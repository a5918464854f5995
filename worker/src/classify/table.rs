//! The table itself: every word by which a provider is known to say what is wrong, and what it means. One for all of
//! them, because a gateway passes on the words of others; no two mean different things by the same word.

use super::{Dimension, ErrorClass};

/// What a row means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    /// A failure of this class.
    Fails(ErrorClass),
    /// "Too many", of this.
    Limits(Dimension),
    /// The provider declined the content: what the model's side did, and no failure.
    Declines,
}

/// A code or a type that decides whatever the status.
pub(super) struct Row {
    pub(super) word: &'static str,
    pub(super) means: Means,
    /// What a person should know of it; every message begins with it.
    pub(super) note: &'static str,
}

/// Words in a message that decide, where a provider has no code for what it means. In lower case.
pub(super) struct Phrase {
    pub(super) words: &'static str,
    pub(super) means: Means,
    pub(super) note: &'static str,
}

const TRANSIENT: Means = Means::Fails(ErrorClass::Transient);
const LIMITED: Means = Means::Fails(ErrorClass::RateLimited);
const OVERLOADED: Means = Means::Fails(ErrorClass::Overloaded);
const QUOTA: Means = Means::Fails(ErrorClass::Quota);
const CONFIG: Means = Means::Fails(ErrorClass::Config);
const BAD: Means = Means::Fails(ErrorClass::BadRequest);

const SPENT: &str = "quota exhausted";
const RATE: &str = "rate limited";
const BUSY: &str = "overloaded";
const KEY: &str = "key refused";
const ACCESS: &str = "access refused";
const ACCOUNT: &str = "account closed or locked";
const NO_MODEL: &str = "unknown model";
const TOO_LONG: &str = "conversation too long for the model";
const REFUSED: &str = "request refused";
const FILTERED: &str = "content declined by the provider";
/// A dialect of ours did not do what the provider wants; only we can mend that.
const ECHO: &str = "the model's reasoning was not sent back as its provider wants it (please report this)";

const fn row(word: &'static str, means: Means, note: &'static str) -> Row {
    Row { word, means, note }
}

const fn phrase(words: &'static str, means: Means, note: &'static str) -> Phrase {
    Phrase { words, means, note }
}

pub(super) const ROWS: &[Row] = &[
    // OpenAI and Azure.
    row("insufficient_quota", QUOTA, SPENT),
    row("credit_balance_exhausted", QUOTA, SPENT),
    row("organization_spend_limit_exceeded", QUOTA, SPENT),
    row("project_spend_limit_exceeded", QUOTA, SPENT),
    row("organization_usage_limit_exceeded", QUOTA, SPENT),
    row("billing_hard_limit_reached", QUOTA, SPENT),
    row("billing_not_active", QUOTA, SPENT),
    row("slow_down", Means::Limits(Dimension::Ramp), "asked to slow down"),
    row("rate_limit_exceeded", LIMITED, RATE),
    row("server_is_overloaded", OVERLOADED, BUSY),
    row("service_unavailable_error", OVERLOADED, BUSY),
    row("invalid_api_key", CONFIG, KEY),
    row("account_deactivated", CONFIG, ACCOUNT),
    row("unsupported_country_region_territory", CONFIG, ACCESS),
    row("model_not_found", CONFIG, NO_MODEL),
    row("DeploymentNotFound", CONFIG, "no such deployment"),
    row("context_length_exceeded", BAD, TOO_LONG),
    row("string_above_max_length", BAD, "message too long"),
    row("invalid_prompt", Means::Declines, FILTERED),
    row("content_filter", Means::Declines, FILTERED),
    row("ResponsibleAIPolicyViolation", Means::Declines, FILTERED),
    row("content_policy_violation", Means::Declines, FILTERED),
    // Anthropic.
    row("billing_error", QUOTA, SPENT),
    row("enforced_spend_limit_reached", QUOTA, SPENT),
    row("contract_spend_limit_reached", QUOTA, SPENT),
    row("organization_on_hold", CONFIG, "account on hold"),
    row("ramp_limit_exceeded", Means::Limits(Dimension::Ramp), "asked to slow down"),
    row("rate_limit_error", LIMITED, RATE),
    row("overloaded_error", OVERLOADED, BUSY),
    row("authentication_error", CONFIG, KEY),
    row("permission_error", CONFIG, ACCESS),
    row("not_found_error", CONFIG, NO_MODEL),
    row("request_too_large", BAD, "request too large"),
    row("timeout_error", TRANSIENT, "the provider gave up waiting"),
    // Google. A day's quota is told by its violations, before this.
    row("API_KEY_INVALID", CONFIG, KEY),
    row("API_KEY_SERVICE_BLOCKED", CONFIG, ACCESS),
    row("SERVICE_DISABLED", CONFIG, ACCESS),
    row("BILLING_DISABLED", QUOTA, SPENT),
    row("payment_required", QUOTA, SPENT),
    row("UNAUTHENTICATED", CONFIG, KEY),
    row("PERMISSION_DENIED", CONFIG, ACCESS),
    row("NOT_FOUND", CONFIG, NO_MODEL),
    row("FAILED_PRECONDITION", CONFIG, "not open to this account or country"),
    row("RESOURCE_EXHAUSTED", LIMITED, RATE),
    row("UNAVAILABLE", OVERLOADED, BUSY),
    row("DEADLINE_EXCEEDED", TRANSIENT, "the provider gave up waiting"),
    row("CANCELLED", TRANSIENT, "the provider let go of the call"),
    // Moonshot.
    row("exceeded_current_quota_error", QUOTA, SPENT),
    row("rate_limit_reached_error", LIMITED, RATE),
    row("engine_overloaded_error", OVERLOADED, BUSY),
    row("engine_overloaded", OVERLOADED, BUSY),
    row("invalid_authentication_error", CONFIG, KEY),
    row("incorrect_api_key_error", CONFIG, KEY),
    row("permission_denied_error", CONFIG, ACCESS),
    row("resource_not_found_error", CONFIG, "no such model for this account (or it was never topped up)"),
    // DeepSeek.
    row("insufficient_balance", QUOTA, SPENT),
    // Together.
    row("dynamic_request_limited", Means::Limits(Dimension::Requests), RATE),
    row("dynamic_token_limited", Means::Limits(Dimension::Tokens), RATE),
    // llama.cpp.
    row("exceed_context_size_error", BAD, TOO_LONG),
    // Z.ai: its numbers are all of four digits, and so no status.
    row("1000", CONFIG, KEY),
    row("1001", CONFIG, KEY),
    row("1002", CONFIG, KEY),
    row("1003", CONFIG, KEY),
    row("1004", CONFIG, KEY),
    row("1110", CONFIG, ACCOUNT),
    row("1111", CONFIG, ACCOUNT),
    row("1112", CONFIG, ACCOUNT),
    row("1113", QUOTA, SPENT),
    row("1120", TRANSIENT, "try again"),
    row("1121", CONFIG, ACCOUNT),
    row("1210", BAD, REFUSED),
    row("1211", CONFIG, NO_MODEL),
    row("1212", CONFIG, NO_MODEL),
    row("1213", BAD, REFUSED),
    // A parameter's value: in a request of ours the model's name is the one that the user chose.
    row("1214", CONFIG, "a parameter, or the model's name, refused"),
    row("1215", BAD, REFUSED),
    row("1220", CONFIG, ACCESS),
    row("1221", CONFIG, NO_MODEL),
    row("1222", CONFIG, NO_MODEL),
    row("1230", TRANSIENT, "the provider failed"),
    row("1231", TRANSIENT, "the provider is still at the same request"),
    row("1234", TRANSIENT, "the provider failed"),
    row("1261", BAD, TOO_LONG),
    row("1300", BAD, "blocked by the provider's policy"),
    row("1301", Means::Declines, FILTERED),
    row("1302", Means::Limits(Dimension::Concurrency), "too many calls at once"),
    row("1303", Means::Limits(Dimension::Requests), RATE),
    row("1304", QUOTA, "the day's quota exhausted"),
    row("1305", OVERLOADED, BUSY),
    row("1308", QUOTA, SPENT),
    row("1309", QUOTA, "the account's plan has ended"),
    row("1310", QUOTA, SPENT),
    row("1311", QUOTA, "the account's plan does not have this model"),
    row("1312", OVERLOADED, BUSY),
    row("1313", QUOTA, "stopped for unfair use"),
    row("1314", QUOTA, SPENT),
    row("1315", QUOTA, SPENT),
    row("1316", QUOTA, SPENT),
    row("1317", QUOTA, SPENT),
    row("1318", QUOTA, SPENT),
    row("1319", QUOTA, SPENT),
    row("1320", QUOTA, SPENT),
    row("1321", QUOTA, SPENT),
];

pub(super) const PHRASES: &[Phrase] = &[
    // Anthropic: a limit that the user set, and a spent balance, both as `invalid_request_error`.
    phrase("reached your specified api usage limits", QUOTA, SPENT),
    phrase("reached your specified workspace api usage limits", QUOTA, SPENT),
    phrase("credit balance is too low", QUOTA, SPENT),
    phrase("blocked by content filtering policy", Means::Declines, FILTERED),
    phrase("prompt is too long", BAD, TOO_LONG),
    // Google.
    phrase("monthly spending cap", QUOTA, SPENT),
    phrase("prepayment credits are depleted", QUOTA, SPENT),
    phrase("missing a thought_signature", BAD, ECHO),
    // OpenAI.
    phrase("without its required 'reasoning' item", BAD, ECHO),
    phrase("engine is currently overloaded", OVERLOADED, BUSY),
    // DeepSeek.
    phrase("insufficient balance", QUOTA, SPENT),
    phrase("content exists risk", Means::Declines, FILTERED),
    phrase("must be passed back to the api", BAD, ECHO),
    // Moonshot.
    phrase("considered high risk", Means::Declines, FILTERED),
    phrase("reasoning_content is missing", BAD, ECHO),
    // vLLM, and most of its kind.
    phrase("maximum context length", BAD, TOO_LONG),
    phrase("context window", BAD, TOO_LONG),
];

/// What kind of limit a message speaks of, first match first: a day's words hold a minute's too.
const DIMENSIONS: &[(&str, Dimension)] = &[
    ("requests per day", Dimension::RequestsPerDay),
    ("(rpd)", Dimension::RequestsPerDay),
    ("tokens per day", Dimension::TokensPerDay),
    ("(tpd)", Dimension::TokensPerDay),
    ("max tpd", Dimension::TokensPerDay),
    ("input tokens per minute", Dimension::InputTokens),
    ("output tokens per minute", Dimension::OutputTokens),
    ("tokens per min", Dimension::Tokens),
    ("(tpm)", Dimension::Tokens),
    ("max tpm", Dimension::Tokens),
    ("token rate limit", Dimension::Tokens),
    ("requests per min", Dimension::Requests),
    ("(rpm)", Dimension::Requests),
    ("max rpm", Dimension::Requests),
    ("concurren", Dimension::Concurrency),
    ("acceleration", Dimension::Ramp),
];

/// The row of a word.
pub(super) fn of_word(word: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.word == word)
}

/// The first phrase that a message holds. That a request is bad is believed only of a status that says so too: a "too
/// many" may speak of context windows as well.
pub(super) fn of_message(status: u16, message: &str) -> Option<&'static Phrase> {
    let lower = message.to_ascii_lowercase();
    let fits = |means: Means| means != BAD || matches!(status, 400 | 413 | 422);
    PHRASES.iter().find(|phrase| fits(phrase.means) && lower.contains(phrase.words))
}

/// What kind of limit an error's type (OpenAI's is `requests` or `tokens`) or its message speaks of.
pub(super) fn dimension(kind: &str, message: &str) -> Option<Dimension> {
    let lower = message.to_ascii_lowercase();
    let told = DIMENSIONS.iter().find(|(words, _)| lower.contains(words)).map(|(_, dimension)| *dimension);
    told.or(match kind {
        "requests" => Some(Dimension::Requests),
        "tokens" => Some(Dimension::Tokens),
        _ => None,
    })
}
