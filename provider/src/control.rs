//! What may be changed while it runs, over HTTP: limits, faults, and the next answer.

use std::time::Duration;

use serde::Deserialize;

use crate::fault::FaultPlan;
use crate::limits::Limits;

/// The longest wait that may be asked for: a day.
const MAX_WAIT_S: u64 = 86_400;

/// Other limits: `{"model": "a", "requests_per_minute": 60}`. What is not named is not limited.
#[derive(Debug, PartialEq)]
pub(crate) struct SetLimits {
    pub(crate) model: Option<String>,
    pub(crate) limits: Limits,
}

/// A 429 for the next request: `{"model": "a", "retry_after_s": 20}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefuseNext {
    pub(crate) model: Option<String>,
    retry_after_s: u64,
}

/// Other faults: `{"plan": "http500=0.1,hang@3"}`. Numbers count from the first request of all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetFaults {
    plan: String,
}

// === impl SetLimits ===

impl SetLimits {
    pub(crate) fn read(body: &[u8]) -> Result<Self, String> {
        let mut value: serde_json::Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let fields = value.as_object_mut().ok_or("an object of limits is needed")?;
        let model = fields.remove("model").filter(|model| !model.is_null());
        let model =
            model.map(serde_json::from_value).transpose().map_err(|error| format!("model: {error}"))?;
        let limits = serde_json::from_value(value).map_err(|error| error.to_string())?;
        Ok(Self { model, limits })
    }
}

// === impl RefuseNext ===

impl RefuseNext {
    pub(crate) fn read(body: &[u8]) -> Result<Self, String> {
        let next: Self = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        if next.retry_after_s <= MAX_WAIT_S {
            Ok(next)
        } else {
            Err(format!("retry_after_s: at most {MAX_WAIT_S}"))
        }
    }

    pub(crate) fn wait(&self) -> Duration {
        Duration::from_secs(self.retry_after_s)
    }
}

/// The plan of a body.
pub(crate) fn faults(body: &[u8]) -> Result<FaultPlan, String> {
    let faults: SetFaults = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    faults.plan.parse().map_err(|error: crate::error::ProviderError| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_with_and_without_a_model_and_misspelt_ones_refused() {
        let read = |body: &str| SetLimits::read(body.as_bytes());
        let one = read(r#"{"model":"a","requests_per_minute":60}"#).expect("good");
        assert_eq!(
            (one.model.as_deref(), one.limits.requests_per_minute.map(u32::from)),
            (Some("a"), Some(60))
        );
        assert_eq!(read("{}").expect("none"), SetLimits { model: None, limits: Limits::default() });
        for body in ["", "[]", r#"{"rpm":1}"#, r#"{"requests_per_minute":0}"#, r#"{"model":7}"#] {
            assert!(read(body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_wait_without_end_is_refused() {
        assert!(RefuseNext::read(br#"{"retry_after_s":20}"#).is_ok());
        assert!(RefuseNext::read(br#"{"retry_after_s":18446744073709551615}"#).is_err());
        assert!(faults(br#"{"plan":"nonsense"}"#).expect_err("unknown").contains("NAME=RATE"));
    }
}
