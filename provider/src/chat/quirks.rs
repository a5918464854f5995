//! What single providers refuse in Chat that others take.

use std::borrow::Cow;

use crate::asked::Fields;
use crate::profile::Profile;
use crate::rejection::Rejection;

/// Every field of OpenAI's request.
const KNOWN: &[&str] = &[
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];

/// What this provider refuses.
pub(crate) fn check(fields: &Fields<'_>, profile: Profile) -> Result<(), Rejection> {
    match profile {
        Profile::Moonshot => moonshot(fields),
        _ => openai(fields),
    }
}

/// A turn whose reasoning did not come back.
pub(crate) fn not_echoed(profile: Profile, index: usize) -> Rejection {
    let message = match profile {
        Profile::Moonshot => {
            format!(
                "thinking is enabled but reasoning_content is missing in assistant tool call message at index {index}"
            )
        }
        Profile::Zai => format!(
            "Invalid API parameter, please check the documentation. messages[{index}]: reasoning_content must be returned \
             complete and unmodified together with the tool results."
        ),
        Profile::Together | Profile::Vllm => {
            format!(
                "messages[{index}]: the `reasoning` of an assistant message with tool calls must be passed back unmodified."
            )
        }
        Profile::OpenRouter => {
            format!(
                "messages[{index}]: `reasoning_details` must be passed back unmodified with the tool calls that they led to."
            )
        }
        _ => "The `reasoning_content` in the thinking mode must be passed back to the API.".to_owned(),
    };
    let code = if profile == Profile::Zai { "1210" } else { "invalid_request_error" };
    Rejection::words(message).with_code(code)
}

fn openai(fields: &Fields<'_>) -> Result<(), Rejection> {
    if let Some(name) = fields.unknown(KNOWN) {
        let message = format!("Unrecognized request argument supplied: {name}");
        return Err(Rejection::invalid(&message, None, None));
    }
    if fields.has("max_tokens") {
        let message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
        return Err(Rejection::invalid(message, Some("max_tokens"), Some("unsupported_parameter")));
    }
    let effort: Option<Cow<'_, str>> = fields.lax("reasoning_effort");
    sampled(fields, effort.as_deref())
}

/// A model that reasons is not to be sampled from.
pub(crate) fn sampled(fields: &Fields<'_>, effort: Option<&str>) -> Result<(), Rejection> {
    if effort.is_none_or(|effort| effort == "none") {
        return Ok(());
    }
    match ["temperature", "top_p", "logprobs"].into_iter().find(|name| fields.has(name)) {
        Some(name) => {
            let message = format!("Unsupported parameter: '{name}' is not supported with this model.");
            Err(Rejection::invalid(&message, Some(name), Some("unsupported_parameter")))
        }
        None => Ok(()),
    }
}

fn moonshot(fields: &Fields<'_>) -> Result<(), Rejection> {
    let fixed =
        [("temperature", 1.0), ("top_p", 0.95), ("presence_penalty", 0.0), ("frequency_penalty", 0.0)];
    for (name, only) in fixed {
        if fields.lax::<f64>(name).is_some_and(|given| (given - only).abs() > 1e-9) {
            return Err(Rejection::words(format!("invalid {name}: only {only} is allowed for this model")));
        }
    }
    let off = fields.raw("thinking").is_some_and(|raw| raw.get().contains("disabled"));
    if !off && fields.lax::<Cow<'_, str>>("tool_choice").as_deref() == Some("required") {
        return Err(Rejection::words("tool_choice 'required' is incompatible with thinking enabled"));
    }
    Ok(())
}
