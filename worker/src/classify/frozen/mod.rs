//! What each provider says, in its own words, and what it must come to. Frozen: written from the providers' documentation
//! and from what was seen of them, as of 2026-11-23, and not from the table.

mod chat;
mod messages_gemini;
mod openai;

use std::time::{Duration, SystemTime};

use http::HeaderMap;

use super::*;

/// 2026-11-23T08:00:00Z, which is midnight in California, and 16:00 in Beijing.
const NOW_S: u64 = 1_795_420_800;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW_S)
}

type Pairs = &'static [(&'static str, &'static str)];

fn headers(pairs: Pairs) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().expect("header")))
        .collect()
}

fn judge(status: u16, pairs: Pairs, body: &str) -> Judgement {
    classify(status, &headers(pairs), body.as_bytes(), now())
}

fn failed(judgement: Judgement) -> Verdict {
    match judgement {
        Judgement::Failed(verdict) => verdict,
        declined => panic!("{declined:?}"),
    }
}

/// What a row must come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    Transient,
    /// Which may have been paid for.
    Lost,
    Limited(Option<Dimension>),
    Busy,
    Spent,
    Config,
    Bad,
    Declined,
}

fn is(judgement: &Judgement) -> Is {
    let Judgement::Failed(verdict) = judgement else { return Is::Declined };
    match verdict.class {
        ErrorClass::Transient if verdict.paid == Paid::Maybe => Is::Lost,
        ErrorClass::Transient => Is::Transient,
        ErrorClass::RateLimited => Is::Limited(verdict.dimension),
        ErrorClass::Overloaded => Is::Busy,
        ErrorClass::Quota => Is::Spent,
        ErrorClass::Config => Is::Config,
        ErrorClass::BadRequest => Is::Bad,
        ErrorClass::Cancelled => panic!("no provider cancels"),
    }
}

/// Check rows of (status, headers, body, what it is, its hint in milliseconds).
fn check(rows: &[(u16, Pairs, &str, Is, Option<u64>)]) {
    for (status, pairs, body, expected, hint_ms) in rows {
        let judgement = judge(*status, pairs, body);
        assert_eq!(is(&judgement), *expected, "{status} {body}\n{judgement:?}");
        if let Judgement::Failed(verdict) = judgement {
            assert_eq!(verdict.hint, hint_ms.map(Duration::from_millis), "{status} {body}");
            assert_eq!(verdict.retry, retry_of(verdict.class), "{status} {body}");
        }
    }
}

const REQUESTS: Is = Is::Limited(Some(Dimension::Requests));
const TOKENS: Is = Is::Limited(Some(Dimension::Tokens));
const RAMP: Is = Is::Limited(Some(Dimension::Ramp));
const AT_ONCE: Is = Is::Limited(Some(Dimension::Concurrency));

/// 24 hours: California's midnight has just begun.
const DAY_MS: u64 = 86_400_000;

#[test]
fn errors_inside_an_answer_of_200_mean_what_their_own_words_say() {
    let inside = |error: &str| is(&classify_inside(error.as_bytes(), &HeaderMap::new(), now()));
    assert_eq!(inside(r#"{"code":"server_error","message":"m"}"#), Is::Transient);
    assert_eq!(inside(r#"{"code":"rate_limit_exceeded","message":"m"}"#), Is::Limited(None));
    assert_eq!(inside(r#"{"code":"invalid_prompt","message":"m"}"#), Is::Declined);
    assert_eq!(inside(r#"{"code":429,"message":"m"}"#), Is::Limited(None));
    assert_eq!(inside(r#"{"code":401,"message":"m"}"#), Is::Config);
    assert_eq!(inside(r#"{"code":502,"message":"m","metadata":{}}"#), Is::Lost);
    assert_eq!(inside(r#"{"type":"overloaded_error","message":"Overloaded"}"#), Is::Busy);
    assert_eq!(inside(r#""boom""#), Is::Transient);
}

#[test]
fn every_status_without_a_known_word_has_its_class() {
    use ErrorClass::{BadRequest, Config, Overloaded, Quota, RateLimited, Transient};
    for (statuses, class) in [
        (&[301, 401, 403, 404, 405, 407][..], Config),
        (&[400, 413, 418, 422], BadRequest),
        (&[402], Quota),
        (&[408, 409, 425, 499, 500, 502, 504, 520, 524], Transient),
        (&[429], RateLimited),
        (&[503, 529], Overloaded),
    ] {
        for status in statuses {
            let verdict = failed(judge(*status, &[], "<html>no json</html>"));
            assert_eq!((verdict.class, verdict.retry), (class, retry_of(class)), "{status}");
            assert!(!verdict.message.contains("html"), "an answer's text is not repeated");
        }
    }
}

#[test]
fn x_should_retry_counts_after_the_words_and_before_the_status() {
    assert_eq!(failed(judge(400, &[("x-should-retry", "true")], "")).retry, Retry::Again);
    assert_eq!(failed(judge(500, &[("x-should-retry", "false")], "")).retry, Retry::Never);
    assert_eq!(failed(judge(500, &[("x-should-retry", "maybe")], "")).retry, Retry::Again);
    let known = r#"{"error":{"code":"invalid_api_key","message":"m"}}"#;
    assert_eq!(failed(judge(401, &[("x-should-retry", "true")], known)).retry, Retry::Never);
}

#[test]
fn every_word_of_the_table_decides_over_the_status_and_stands_there_once() {
    for (place, row) in table::ROWS.iter().enumerate() {
        assert!(table::ROWS[place + 1..].iter().all(|other| other.word != row.word), "{} twice", row.word);
        let body = serde_json::json!({"error": {"message": "m", "type": row.word}}).to_string();
        match (judge(418, &[], &body), row.means) {
            (Judgement::Declined { message }, Means::Declines) => assert!(message.starts_with(row.note)),
            (Judgement::Failed(verdict), Means::Fails(class)) => {
                assert_eq!(verdict.class, class, "{}", row.word);
            }
            (Judgement::Failed(verdict), Means::Limits(dimension)) => {
                assert_eq!((verdict.class, verdict.dimension), (ErrorClass::RateLimited, Some(dimension)));
            }
            other => panic!("{}: {other:?}", row.word),
        }
    }
}

#[test]
fn every_shape_of_an_error_body_is_read_and_no_depth_of_it_does_harm() {
    for body in [
        r#"{"error":{"message":"boom","type":"t","code":"c"}}"#,
        r#"[{"error":{"message":"boom","code":400}}]"#,
        r#"{"error":"boom"}"#,
        r#"{"object":"error","message":"boom","type":"NotFoundError","code":404}"#,
        r#"{"detail":"boom"}"#,
        "\n\n {\"error\":{\"message\":\"boom\"}}",
    ] {
        assert!(failed(judge(400, &[], body)).message.ends_with(": boom"), "{body}");
    }
    let deep = "[".repeat(100_000);
    let odd =
        r#"{"error":{"details":[7,{"violations":[{"quotaId":8}]},{"reason":[]}],"metadata":3,"code":{}}}"#;
    for body in ["", "null", "[]", "{}", "{\"error\":null}", "{\"error\":[]}", "\u{0}", odd, &deep] {
        assert_eq!(failed(judge(400, &[], body)).class, ErrorClass::BadRequest);
    }
    let long = format!(r#"{{"error":{{"message":"{}"}}}}"#, "x".repeat(60_000));
    assert!(failed(judge(400, &[], &long)).message.len() < 5_000);
}
