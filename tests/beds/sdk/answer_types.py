"""The SDKs' response types, applied strictly: no coercion, and no field that a type does not know."""
import json

import pydantic
from anthropic.types import ErrorResponse, Message
from anthropic.types.shared.error_details import ErrorDetails
from google.genai.types import GenerateContentResponse
from openai.types import ErrorObject
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

ANSWERS = {
    "openai-chat": ChatCompletion,
    "openai-responses": Response,
    "anthropic-messages": Message,
    "gemini": GenerateContentResponse,
}

DETAILS = pydantic.TypeAdapter(ErrorDetails)

# What compatible providers' answers have beside OpenAI's type; providers.md has the sources.
BESIDE = {
    "zai": {"request_id", "choices.message.reasoning_content"},
    "moonshot": {"usage.cached_tokens", "choices.message.reasoning_content"},
    "deepseek": {"usage.prompt_cache_hit_tokens", "usage.prompt_cache_miss_tokens", "choices.message.reasoning_content"},
    "together": {"choices.message.reasoning"},
    "openrouter": {
        "provider",
        "choices.native_finish_reason",
        "choices.message.reasoning",
        "choices.message.reasoning_details",
        "usage.cost",
        "usage.is_byok",
    },
    "vllm": {"choices.message.reasoning"},
    "llamacpp": {"choices.message.reasoning_content"},
    "compatible": {"choices.message.reasoning_content"},
}

# Finish reasons that OpenAI's type does not know.
FINISHES = {"zai": {"sensitive"}}

# Errors of these are not OpenAI's: a code alone, or a number for it, or no code.
OTHER_ERRORS = {
    "zai": {"code": str, "message": str},
    "moonshot": {"message": str, "type": str},
    "openrouter": {"code": int, "message": str},
    "azure": {"code": str, "message": str},
}

GEMINI_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def unknown(model, path=""):
    """Fields that the SDK's types do not know."""
    if isinstance(model, (list, tuple)):
        return {field for each in model for field in unknown(each, path)}
    if not isinstance(model, pydantic.BaseModel):
        return set()
    found = {(path + name) for name in (model.model_extra or {})}
    for name in type(model).model_fields:
        found |= unknown(getattr(model, name), f"{path}{name}.")
    return found


def parsed(dialect, profile, text):
    """An answer in the SDK's own type."""
    body = json.loads(text)
    for choice in body.get("choices", []):
        if choice["finish_reason"] in FINISHES.get(profile, ()):
            choice["finish_reason"] = "content_filter"
    answer = ANSWERS[dialect].model_validate_json(json.dumps(body), strict=True)
    beside = BESIDE.get(profile, set()) if dialect == "openai-chat" else set()
    strange = unknown(answer) - beside
    assert not strange, f"{profile}, {dialect}: {strange} is not in the SDK's type: {text}"
    return answer


def refused(dialect, profile, status, text):
    """An error in the SDK's own type, where it has one that is the provider's."""
    body = json.loads(text)
    if dialect == "anthropic-messages":
        # Anthropic's documentation has this one for status 413, the SDK's type has not.
        if (status, body["error"]["type"]) == (413, "request_too_large"):
            body["error"]["type"] = "invalid_request_error"
        # The SDK has what an error's details may be as a type of its own.
        details = body["error"].pop("details", None)
        error = ErrorResponse.model_validate_json(json.dumps(body), strict=True)
        assert not unknown(error), (unknown(error), text)
        assert details is None or not unknown(DETAILS.validate_json(json.dumps(details), strict=True)), text
        return
    if dialect == "gemini":
        [body] = body if isinstance(body, list) else [body]
        error = body["error"]
        assert set(error) <= {"code", "message", "status", "details"} and error["code"] == status, text
        assert error["status"] == GEMINI_STATUS[status] and error["message"], text
        assert all(detail["@type"].startswith("type.googleapis.com/") for detail in error.get("details", [])), text
        return
    other = OTHER_ERRORS.get(profile)
    if other and (profile != "azure" or set(body["error"]) == set(other)):
        assert all(isinstance(body["error"].get(name), kind) for name, kind in other.items()), text
        return
    error = ErrorObject.model_validate_json(json.dumps(body["error"]), strict=True)
    assert not unknown(error) and {"message", "type", "param", "code"} <= set(body["error"]), text
