"""The official OpenAI SDK as a client of `muster provider`.

    python prove.py EPISODE.json OPEN LOCKED LIMITED BROKEN

EPISODE is an episode of the obedient player as `muster show --json` prints it; the others are providers' addresses: with
the suite, with a key, with a limit of 60 requests a minute, and with one that fails every call.
"""
import json
import sys

import openai
from openai.types.chat import ChatCompletion

EPISODE, OPEN, LOCKED, LIMITED, BROKEN = json.load(open(sys.argv[1])), *sys.argv[2:]
KEY = "sk-muster-bed"
TOOLS = (
    "list_files read_file create_file append_file delete_file list_sheets view_sheet "
    "view_config add_variable remove_variable modify_variable end_task"
).split()
EXTENSIONS = {"reasoning_content"}


def client(base_url, key=KEY, **options):
    return openai.OpenAI(base_url=base_url, api_key=key, **{"max_retries": 0, "timeout": 20, **options})


def tool(name):
    schema = {"type": "object", "properties": {}, "additionalProperties": True}
    return {"type": "function", "function": {"name": name, "description": name, "parameters": schema}}


def unknown_fields(model, path=""):
    """Fields of an answer that the SDK's types do not know."""
    if isinstance(model, list):
        return [field for item in model for field in unknown_fields(item, path)]
    if not isinstance(model, openai.BaseModel):
        return []
    found = [f"{path}.{name}" for name in (model.model_extra or {}) if name not in EXTENSIONS]
    for name in type(model).model_fields:
        found += unknown_fields(getattr(model, name), f"{path}.{name}")
    return found


def refused(kind, call, **expected):
    try:
        call()
    except kind as error:
        for name, value in expected.items():
            assert getattr(error, name) == value, (name, getattr(error, name), value)
        return error
    raise AssertionError(f"not refused as {kind.__name__}")


def converse(api, opening, results):
    """Plays to the end; the tools' results are those that muster's world gave. Returns the calls and the answers."""
    messages, calls, answers = list(opening), [], []
    while True:
        raw = api.chat.completions.with_raw_response.create(
            model="sim/obedient", messages=messages, tools=[tool(name) for name in TOOLS], seed=7, max_tokens=8192
        )
        answer = raw.parse()
        strict = ChatCompletion.model_validate_json(raw.text if isinstance(raw.text, str) else raw.text(), strict=True)
        assert strict.model_dump() == answer.model_dump()
        assert not unknown_fields(answer), unknown_fields(answer)
        assert answer._request_id and answer._request_id.startswith("req_"), raw.headers
        assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
        answers.append(answer)
        choice = answer.choices[0]
        assert choice.finish_reason == ("tool_calls" if choice.message.tool_calls else "stop"), choice
        messages.append(choice.message.model_dump(exclude_none=True))
        for call in choice.message.tool_calls or []:
            calls.append((call.function.name, json.loads(call.function.arguments)))
            if call.function.name == "end_task":
                return calls, answers
            content = next(results)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": content})
        assert choice.message.tool_calls, "the player stopped before its end"


def plays_to_the_end():
    said = EPISODE["messages"]
    opening = [{"role": m["role"], "content": m["content"]} for m in said if m["role"] in ("system", "user")]
    results = iter([m["content"] for m in said if m["role"] == "tool"])
    wanted = [(c["name"], json.loads(c["arguments"])) for m in said if m["role"] == "assistant" for c in m["tool_calls"]]
    calls, answers = converse(client(OPEN), opening, results)
    assert calls == wanted, (calls, wanted)
    again, _ = converse(client(OPEN), opening, iter([m["content"] for m in said if m["role"] == "tool"]))
    assert again == calls, "the same conversation was played otherwise"
    tokens = sum(answer.usage.total_tokens for answer in answers)
    print(f"conversation: {len(answers)} answers, all of the SDK's own types, {len(calls)} calls as muster's worker got them, {tokens:,} tokens")
    names = [model.id for model in client(OPEN).models.list()]
    assert {"sim/obedient", "sim/protective", "sim/mixed"} <= set(names), names
    return opening


def refuses(opening):
    def ask(api, **changes):
        request = {"model": "sim/obedient", "messages": opening, "tools": [tool(name) for name in TOOLS]}
        return api.chat.completions.create(**request | changes)

    api = client(OPEN)
    error = refused(openai.NotFoundError, lambda: ask(api, model="gpt-nobody"), code="model_not_found", status_code=404)
    assert "gpt-nobody" in error.message and error.type == "invalid_request_error", error.body
    refused(openai.BadRequestError, lambda: ask(api, stream=True), code="unsupported_value", param="stream")
    refused(openai.BadRequestError, lambda: ask(api, messages=[]), param="messages")
    refused(openai.NotFoundError, lambda: api.embeddings.create(model="x", input="y"), status_code=404)
    foreign = [{"role": "user", "content": "What is the weather?"}]
    refused(openai.BadRequestError, lambda: ask(api, messages=foreign), code="unknown_conversation")

    ask(client(LOCKED))
    error = refused(openai.AuthenticationError, lambda: ask(client(LOCKED, "sk-wrong-0123456789")), code="invalid_api_key")
    assert error.status_code == 401 and "0123456789" not in error.message, error.message
    refused(openai.AuthenticationError, lambda: client(LOCKED, "sk-wrong").models.list(), status_code=401)

    for _ in range(3):
        try:
            raw = client(LIMITED).chat.completions.with_raw_response.create(
                model="sim/obedient", messages=opening, tools=[tool(name) for name in TOOLS]
            )
            assert raw.headers["x-ratelimit-limit-requests"] == "60", raw.headers
        except openai.RateLimitError as error:
            limited = error
            break
    else:
        raise AssertionError("three calls in a moment passed a limit of 60 a minute")
    headers = limited.response.headers
    assert (limited.code, limited.type, limited.status_code) == ("rate_limit_exceeded", "requests", 429), limited.body
    assert headers["x-ratelimit-limit-requests"] == "60" and headers["x-ratelimit-remaining-requests"] == "0", headers
    assert headers["x-ratelimit-reset-requests"] and int(headers["retry-after"]) >= 1, headers
    # Told to wait, the SDK does, and passes.
    patient = client(LIMITED, max_retries=4)
    for _ in range(3):
        ask(patient)

    error = refused(openai.InternalServerError, lambda: ask(client(BROKEN)), status_code=500)
    assert error.request_id.startswith("req_"), error.request_id
    print(
        "errors: unknown model NotFoundError, stream and foreign prompts BadRequestError, wrong key AuthenticationError, "
        f"too many RateLimitError (retry-after {headers['retry-after']}, reset {headers['x-ratelimit-reset-requests']}) "
        "and the SDK's own retries pass, failing server InternalServerError"
    )


refuses(plays_to_the_end())
