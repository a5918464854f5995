"""The official SDKs' clients as callers of `muster provider`: whole tool conversations, and errors by class.

    python prove_clients.py EPISODE.json KEY NAME=ADDRESS...

EPISODE is an episode of the obedient player as `muster show --json` prints it: what muster's own worker came to.
"""
import json
import sys
import urllib.request

import anthropic
import openai
from anthropic.types.shared.contract_spend_limit_reached_error import ContractSpendLimitReachedError
from anthropic.types.shared.enforced_spend_limit_reached_error import EnforcedSpendLimitReachedError
from anthropic.types.shared.organization_on_hold_error import OrganizationOnHoldError
from anthropic.types.shared.ramp_limit_exceeded_error import RampLimitExceededError
from clients import Chat, Gemini, Messages, Responses
from google.genai import errors as google

EPISODE, KEY = json.load(open(sys.argv[1])), sys.argv[2]
FAKES = dict(fake.split("=", 1) for fake in sys.argv[3:])
TOOLS = (
    "list_files read_file create_file append_file delete_file list_sheets view_sheet "
    "view_config add_variable remove_variable modify_variable end_task"
).split()
SAID = EPISODE["messages"]
OPENING = [{"role": said["role"], "content": said["content"]} for said in SAID if said["role"] in ("system", "user")]
RESULTS = [said["content"] for said in SAID if said["role"] == "tool"]
CALLS = [(call["name"], json.loads(call["arguments"])) for said in SAID if said["role"] == "assistant" for call in said["tool_calls"]]

CHAT = {"azure": "/openai/v1", "zai": "/api/paas/v4", "openrouter": "/api/v1"}
HIDES_REASONING = {"openai", "azure"}
CLIENTS = [(Chat, profile, CHAT.get(profile, "/v1")) for profile in FAKES if profile not in ("anthropic", "gemini")]
CLIENTS += [(Responses, "openai", "/v1"), (Responses, "azure", "/openai/v1"), (Messages, "anthropic", ""), (Gemini, "gemini", "")]
REFUSED = {Chat: openai.BadRequestError, Responses: openai.BadRequestError, Messages: anthropic.BadRequestError, Gemini: google.ClientError}

ERRORS = {
    Chat: {
        "openai/requests": openai.RateLimitError,
        "openai/slow_down": openai.RateLimitError,
        "openai/insufficient_quota": openai.RateLimitError,
        "openai/server_is_overloaded": openai.InternalServerError,
        "openai/server_error": openai.InternalServerError,
        "openai/model_not_found": openai.NotFoundError,
        "openai/invalid_api_key": openai.AuthenticationError,
        "openai/country": openai.PermissionDeniedError,
        "openai/context_length_exceeded": openai.BadRequestError,
        "openai/conflict": openai.ConflictError,
    },
    Messages: {
        "anthropic/rate_limit": anthropic.RateLimitError,
        "anthropic/ramp_limit_exceeded": RampLimitExceededError,
        "anthropic/enforced_spend_limit_reached": EnforcedSpendLimitReachedError,
        "anthropic/contract_spend_limit_reached": ContractSpendLimitReachedError,
        "anthropic/organization_on_hold": OrganizationOnHoldError,
        "anthropic/usage_limits": anthropic.BadRequestError,
        "anthropic/billing": anthropic.PaymentRequiredError,
        "anthropic/authentication": anthropic.AuthenticationError,
        "anthropic/permission": anthropic.PermissionDeniedError,
        "anthropic/not_found": anthropic.NotFoundError,
        "anthropic/request_too_large": anthropic.ContentTooLargeError,
        "anthropic/api_error": anthropic.InternalServerError,
        "anthropic/timeout": anthropic.GatewayTimeoutError,
        "anthropic/overloaded": anthropic.OverloadedError,
    },
    Gemini: {
        "gemini/requests_per_minute": google.ClientError,
        "gemini/requests_per_day": google.ClientError,
        "gemini/api_key_invalid": google.ClientError,
        "gemini/permission_denied": google.ClientError,
        "gemini/not_found": google.ClientError,
        "gemini/unavailable": google.ServerError,
        "gemini/internal": google.ServerError,
        "gemini/deadline_exceeded": google.ServerError,
        "error-array": google.ServerError,
    },
}
ERRORS[Responses] = ERRORS[Chat]
# Where OpenAI's code is not the fault's name.
CODES = {"openai/requests": "rate_limit_exceeded", "openai/country": "unsupported_country_region_territory"}


def talk(kind, profile, path, key=KEY, **options):
    return kind(FAKES[profile] + path, key, OPENING, TOOLS, **options)


def control(profile, what, change):
    request = urllib.request.Request(f"{FAKES[profile]}/control/{what}", json.dumps(change).encode())
    urllib.request.urlopen(request, timeout=20).close()


def refused(error, call):
    try:
        call()
    except error as refusal:
        # Not one of its children: the classes are told apart.
        assert type(refusal) is error, refusal
        return refusal
    raise AssertionError(f"not refused as {error.__name__}")


def plays_to_the_end(kind, profile, path):
    talking, results, made = talk(kind, profile, path), iter(RESULTS), []
    answered = []
    while calls := talking.say(answered):
        made += [(name, arguments) for _, name, arguments in calls]
        if calls[-1][1] == "end_task":
            break
        answered = [(id, next(results)) for id, _, _ in calls]
    assert made == CALLS, (made, CALLS)
    return len(made)


def wants_its_reasoning_back(kind, profile, path):
    talking = talk(kind, profile, path)
    calls = talking.say([])
    answered = [(id, content) for (id, _, _), content in zip(calls, RESULTS)]
    had = talking.forget()
    if kind is Chat and profile in HIDES_REASONING:
        assert not had, "Chat of OpenAI shows no reasoning"
        talking.say(answered)
        return None
    assert had, f"{kind.__name__} of {profile} has no reasoning to send back"
    return str(refused(REFUSED[kind], lambda: talking.say(answered)))


def tells_errors_apart(kind, profile, path):
    for fault, error in ERRORS[kind].items():
        control(profile, "faults", {"plan": f"{fault}=1"})
        refusal = refused(error, talk(kind, profile, path).ask)
        if kind in (Chat, Responses):
            assert refusal.code == CODES.get(fault, fault.split("/")[1]), refusal.code
        if kind is Gemini:
            assert refusal.status and refusal.message and refusal.code >= 400, refusal
    control(profile, "faults", {"plan": ""})
    return len(ERRORS[kind])


def refuses_openai_callers():
    """In detail what most servers are called with."""
    talking = talk(Chat, "openai", "/v1")
    assert talking.ask()._request_id.startswith("req_")
    error = refused(openai.NotFoundError, lambda: talking.ask(model="gpt-nobody"))
    assert error.code == "model_not_found" and error.type == "invalid_request_error" and "gpt-nobody" in error.message, error.body
    error = refused(openai.BadRequestError, lambda: talking.ask(stream=True))
    assert (error.code, error.param) == ("unsupported_value", "stream"), error.body
    assert refused(openai.BadRequestError, lambda: talking.ask(messages=[])).param == "messages"
    foreign = [{"role": "user", "content": "What is the weather?"}]
    assert refused(openai.BadRequestError, lambda: talking.ask(messages=foreign)).code == "unknown_conversation"
    refused(openai.NotFoundError, lambda: talking.api.embeddings.create(model="x", input="y"))
    locked = talk(Chat, "openai", "/v1", key="a-wrong-key-0123456789")
    error = refused(openai.AuthenticationError, locked.ask)
    assert error.code == "invalid_api_key" and "0123456789" not in error.message, error.message
    refused(openai.AuthenticationError, locked.api.models.list)
    refused(anthropic.AuthenticationError, talk(Messages, "anthropic", "", key="wrong").ask)
    assert "API key not valid" in refused(google.ClientError, talk(Gemini, "gemini", "", key="wrong").ask).message


def limits_are_told_and_waited_for():
    control("openai", "limits", {"requests_per_minute": 60})
    hasty = talk(Chat, "openai", "/v1")
    limited = None
    while limited is None:
        try:
            hasty.ask()
        except openai.RateLimitError as error:
            limited = error
    headers = limited.response.headers
    assert (limited.code, limited.type, limited.status_code) == ("rate_limit_exceeded", "requests", 429), limited.body
    assert headers["x-ratelimit-limit-requests"] == "60" and headers["x-ratelimit-remaining-requests"] == "0", headers
    assert headers["x-ratelimit-reset-requests"] and int(headers["retry-after"]) >= 1, headers
    # Told to wait, the SDK does, and passes.
    patient = talk(Chat, "openai", "/v1", max_retries=4)
    for _ in range(2):
        patient.ask()
    control("openai", "limits", {})
    return f"retry-after {headers['retry-after']}, reset {headers['x-ratelimit-reset-requests']}"


def lists_models():
    wanted = {"sim/obedient", "sim/protective", "sim/mixed"}
    # Z.ai has no list at its address.
    for kind, profile, path in (client for client in CLIENTS if client[1] != "zai"):
        # Google's client is closed with its last reference.
        talking = talk(kind, profile, path)
        names = {(model.name if kind is Gemini else model.id) for model in talking.api.models.list()}
        assert wanted <= {name.removeprefix("models/") for name in names}, (kind, profile, names)


for kind, profile, path in CLIENTS:
    calls = plays_to_the_end(kind, profile, path)
    words = wants_its_reasoning_back(kind, profile, path)
    without = f"without its reasoning {REFUSED[kind].__name__}: {words[:110]}" if words else "shows no reasoning"
    print(f"{kind.__name__} of {profile}: {calls} calls as muster's worker got them; {without}")
for kind, profile, path in CLIENTS:
    if profile in ("openai", "anthropic", "gemini"):
        print(f"{kind.__name__} of {profile}: {tells_errors_apart(kind, profile, path)} errors are the SDK's own classes")
refuses_openai_callers()
lists_models()
print(f"wrong keys, unknown models and foreign prompts are refused by class; limits are told ({limits_are_told_and_waited_for()}), and the SDK's own retries pass")
