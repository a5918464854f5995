//! Those who speak Chat as OpenAI does, and err each in their own way.

use super::*;

#[test]
fn zai_means_this() {
    let code = |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"m"}},"request_id":"1"}}"#);
    for (codes, status, expected) in [
        (&["1302"][..], 429, AT_ONCE),
        (&["1303"], 429, REQUESTS),
        (&["1305", "1312"], 429, Is::Busy),
        (&["1230", "1234"], 429, Is::Transient),
        (&["500"], 500, Is::Transient),
        (&["1113", "1304", "1308", "1309", "1310", "1311", "1313"], 429, Is::Spent),
        (&["1314", "1315", "1316", "1317", "1318", "1319", "1320", "1321"], 429, Is::Spent),
        (&["1211", "1214"], 400, Is::Config),
        (&["1000", "1001", "1002", "1003", "1004"], 401, Is::Config),
        (&["1210", "1261"], 400, Is::Bad),
        (&["1301"], 400, Is::Declined),
    ] {
        for number in codes {
            let judgement = judge(status, &[], &code(number));
            assert_eq!(is(&judgement), expected, "{number} {judgement:?}");
            if expected == Is::Spent {
                assert_eq!(failed(judgement).retry, Retry::Never, "{number}");
            }
        }
    }
    check(&[(
        429,
        &[],
        r#"{"error":{"code":"1308","message":"Usage limit reached for 5 hours. Your limit will reset at 2026-11-23 17:00:00"}}"#,
        Is::Spent,
        Some(3_600_000),
    )]);
}

#[test]
fn moonshot_means_this() {
    check(&[
        (
            429,
            &[],
            r#"{"error":{"message":"You exceeded your current token quota, please check your account balance","type":"exceeded_current_quota_error"}}"#,
            Is::Spent,
            None,
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"Your account org-x<ak-x> request reached organization max RPM: 3, please try again after 1 seconds","type":"rate_limit_reached_error"}}"#,
            REQUESTS,
            Some(1_000),
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"request reached organization max concurrency: 1, please try again after 1 seconds","type":"rate_limit_reached_error"}}"#,
            AT_ONCE,
            Some(1_000),
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"request reached organization TPM rate limit (max TPM: 500000)","type":"rate_limit_reached_error"}}"#,
            TOKENS,
            None,
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"request reached organization max TPD: 1500000","type":"rate_limit_reached_error"}}"#,
            Is::Limited(Some(Dimension::TokensPerDay)),
            None,
        ),
        (
            429,
            &[("retry-after", "4")],
            r#"{"error":{"message":"The engine is currently overloaded, please try again later","type":"engine_overloaded_error"}}"#,
            Is::Busy,
            Some(4_000),
        ),
        (
            400,
            &[],
            r#"{"error":{"message":"The request was rejected because it was considered high risk","type":"content_filter"}}"#,
            Is::Declined,
            None,
        ),
        (
            400,
            &[],
            r#"{"error":{"message":"thinking is enabled but reasoning_content is missing in assistant tool call message at index 2","type":"invalid_request_error"}}"#,
            Is::Bad,
            None,
        ),
        (
            401,
            &[],
            r#"{"error":{"message":"Invalid Authentication","type":"invalid_authentication_error"}}"#,
            Is::Config,
            None,
        ),
        (
            404,
            &[],
            r#"{"error":{"message":"Not found the model or Permission denied","type":"resource_not_found_error"}}"#,
            Is::Config,
            None,
        ),
    ]);
}

#[test]
fn deepseek_means_this() {
    check(&[
        (
            402,
            &[],
            r#"{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}"#,
            Is::Spent,
            None,
        ),
        (
            400,
            &[],
            r#"{"error":{"message":"The reasoning_content in the thinking mode must be passed back to the API.","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}"#,
            Is::Bad,
            None,
        ),
        (
            400,
            &[],
            r#"{"error":{"message":"Content Exists Risk","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}"#,
            Is::Declined,
            None,
        ),
        (
            401,
            &[],
            r#"{"error":{"message":"Authentication Fails","type":"authentication_error","param":null,"code":"invalid_request_error"}}"#,
            Is::Config,
            None,
        ),
        (
            422,
            &[],
            r#"{"error":{"message":"Invalid Parameters","type":"invalid_request_error"}}"#,
            Is::Bad,
            None,
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"Rate limit reached","type":"rate_limit_error"}}"#,
            Is::Limited(None),
            None,
        ),
        (500, &[], "", Is::Transient, None),
        (503, &[], "", Is::Busy, None),
    ]);
}

#[test]
fn together_means_this() {
    check(&[
        (
            429,
            &[("retry-after", "1")],
            r#"{"error":{"message":"m","type":"rate_limit","param":null,"code":"dynamic_request_limited"}}"#,
            REQUESTS,
            Some(1_000),
        ),
        (
            429,
            &[],
            r#"{"error":{"message":"m","type":"dynamic_token_limited","param":null,"code":null}}"#,
            TOKENS,
            None,
        ),
        (
            503,
            &[],
            r#"{"error":{"message":"The server is overloaded or not ready yet.","type":"service_unavailable"}}"#,
            Is::Busy,
            None,
        ),
        (402, &[], r#"{"error":{"message":"m","type":"credit_limit"}}"#, Is::Spent, None),
        (524, &[], "<html>a time-out occurred</html>", Is::Lost, None),
    ]);
}

#[test]
fn openrouter_means_this() {
    let money = Is::Limited(Some(Dimension::Money));
    check(&[
        (402, &[], r#"{"error":{"code":402,"message":"Insufficient credits"}}"#, Is::Spent, None),
        (402, &[("retry-after", "3")], r#"{"error":{"code":402,"message":"m"}}"#, money, Some(3_000)),
        (
            402,
            &[],
            r#"{"error":{"code":402,"message":"m","metadata":{"limit_source":"openrouter_in_flight_budget"}}}"#,
            money,
            None,
        ),
        (408, &[], r#"{"error":{"code":408,"message":"m"}}"#, Is::Lost, None),
        (
            429,
            &[("retry-after", "9")],
            r#"{"error":{"code":429,"message":"m"}}"#,
            Is::Limited(None),
            Some(9_000),
        ),
        (502, &[], r#"{"error":{"code":502,"message":"m"}}"#, Is::Lost, None),
        (503, &[("retry-after", "30")], r#"{"error":{"code":503,"message":"m"}}"#, Is::Busy, Some(30_000)),
        (
            403,
            &[],
            r#"{"error":{"code":403,"message":"m","metadata":{"reasons":["violence"],"flagged_input":"..."}}}"#,
            Is::Declined,
            None,
        ),
        (403, &[], r#"{"error":{"code":403,"message":"m"}}"#, Is::Config, None),
    ]);
}

#[test]
fn compatible_servers_mean_this() {
    check(&[
        (
            400,
            &[],
            r#"{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","param":null,"code":400}"#,
            Is::Bad,
            None,
        ),
        (
            400,
            &[],
            r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#,
            Is::Bad,
            None,
        ),
        (
            404,
            &[],
            r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","param":null,"code":404}"#,
            Is::Config,
            None,
        ),
        (
            503,
            &[],
            r#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
            Is::Busy,
            None,
        ),
    ]);
}
