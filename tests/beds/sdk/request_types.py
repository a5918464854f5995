"""The SDKs' request types as JSON schemas that know no field but their own, and what providers have beside them."""
import copy

import jsonschema
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from google.genai import types as gemini
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import TypeAdapter

# OpenAI's request type of a message has no place for this field of its own answers' messages; whoever sends an answer back as
# it came sends it too, and so does the SDK's own `message.model_dump()`.
ECHOED = {"messages.annotations"}

# What compatible providers have in Chat that OpenAI's type has not, by provider; and what else the types lack, by dialect. All
# of it must be met.
EXTENSIONS = {
    "openai": ECHOED,
    "azure": ECHOED,
    # docs.z.ai/guides/capabilities/thinking-mode
    "zai": ECHOED | {"thinking", "messages.reasoning_content"},
    # platform.kimi.ai/docs/api/models-overview
    "moonshot": ECHOED | {"thinking", "messages.reasoning_content"},
    # api-docs.deepseek.com/guides/thinking_mode
    "deepseek": ECHOED | {"thinking", "messages.reasoning_content"},
    # docs.together.ai: reasoning models are told by `reasoning`, and answer with it
    "together": ECHOED | {"reasoning", "messages.reasoning"},
    # openrouter.ai/docs: reasoning tokens, provider routing
    "openrouter": ECHOED | {"reasoning", "provider", "messages.reasoning", "messages.reasoning_details"},
    # docs.vllm.ai: reasoning outputs
    "vllm": ECHOED | {"messages.reasoning"},
    # llama.cpp's server, and vLLM before 0.26; the template's arguments are a sweep's own extra_body
    "llamacpp": {"chat_template_kwargs", "messages.reasoning_content"},
    "compatible": ECHOED | {"messages.reasoning_content"},
    "openai-responses": set(),
    # This SDK's type is of version 2026-10-21, which has no sampling; the worker says 2023-06-01, which has it:
    # platform.claude.com/docs/en/api/migration-2026-10-21
    "anthropic-messages": {"temperature"},
    "gemini": set(),
}


def closed(schema):
    """The same schema, in which an object has no field that it does not name. A TypedDict's own schema allows any."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    if found.get("type") == "object" and isinstance(found.get("properties"), dict):
        found.setdefault("additionalProperties", False)
    return found


def schema_of(params):
    return closed(TypeAdapter(params).json_schema(by_alias=True))


def gemini_body():
    """The SDK has the parts of generateContent's body as types, and puts the body together by hand."""
    listed = lambda kind: {"type": "array", "items": kind, "minItems": 1}
    parts = {
        "contents": (listed, gemini.Content),
        "systemInstruction": (None, gemini.Content),
        "tools": (listed, gemini.Tool),
        "toolConfig": (None, gemini.ToolConfig),
        "generationConfig": (None, gemini.GenerationConfig),
        "safetySettings": (listed, gemini.SafetySetting),
    }
    properties, definitions = {}, {}
    for name, (shape, kind) in parts.items():
        schema = schema_of(kind)
        definitions |= schema.pop("$defs", {})
        definitions[kind.__name__] = schema
        reference = {"$ref": f"#/$defs/{kind.__name__}"}
        properties[name] = shape(reference) if shape else reference
    # The SDK's type lets a role be any word; the service knows two.
    role = {"enum": ["user", "model"]}
    definitions["Content"] = copy.deepcopy(definitions["Content"])
    definitions["Content"]["properties"]["role"] = role
    return {"type": "object", "properties": properties, "required": ["contents"], "additionalProperties": False, "$defs": definitions}


def responses_body():
    # Neither is required by the SDK's type: a stored prompt may stand for both.
    return schema_of(ResponseCreateParamsNonStreaming) | {"required": ["model", "input"]}


VALIDATORS = {
    dialect: jsonschema.Draft202012Validator(schema)
    for dialect, schema in {
        "openai-chat": schema_of(CompletionCreateParamsNonStreaming),
        "openai-responses": responses_body(),
        "anthropic-messages": schema_of(MessageCreateParamsNonStreaming),
        "gemini": gemini_body(),
    }.items()
}


def without(body, extensions):
    """The body without a provider's own fields, and which of them it had."""
    plain, met = copy.deepcopy(body), set()
    for extension in extensions:
        *place, field = extension.split(".")
        for holder in plain[place[0]] if place else [plain]:
            if field in holder:
                del holder[field]
                met.add(extension)
    return plain, met


def problem(dialect, body):
    """What the SDK's type has against a body, or None."""
    error = jsonschema.exceptions.best_match(VALIDATORS[dialect].iter_errors(body))
    return error and f"{error.json_path}: {error.message[:300]}"
