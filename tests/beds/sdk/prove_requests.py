"""Holds requests against the SDKs' request types.

    python prove_requests.py FROZEN RECORD.jsonl

FROZEN is what the example `requests` wrote: DIALECT/NAME.N.json; RECORD is the witness's of a run of all providers.
"""
import collections
import copy
import json
import pathlib
import sys

from request_types import EXTENSIONS, problem, without
from routes import dialect_of, frozen

FROZEN, RECORD = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])


def written():
    for dialect, profile, name, text in frozen(FROZEN, ".json"):
        yield dialect, profile, name, json.loads(text)


def recorded():
    for number, line in enumerate(RECORD.open()):
        entry = json.loads(line)
        dialect = dialect_of(entry["path"])
        # The version that still has the temperature.
        assert dialect != "anthropic-messages" or entry["headers"]["anthropic-version"] == "2023-06-01", entry["headers"]
        yield dialect, entry["server"], f"call {number} of {entry['server']}", json.loads(entry["asked"])


def mutations(dialect, body):
    """Requests that look like this one and are none."""
    said = {"openai-responses": "input", "gemini": "contents"}.get(dialect, "messages")

    def changed(name, change):
        mutated = copy.deepcopy(body)
        change(mutated)
        return name, mutated

    yield changed("no " + said, lambda it: it.pop(said))
    yield changed("a role that nobody has", lambda it: it[said][0].update(role="narrator"))
    yield changed("a field that nobody has", lambda it: it.update(temprature=1))
    yield changed("such a field in a message", lambda it: it[said][0].update(contents=[]))
    yield changed("a message without words", lambda it: it[said][0].update(role=None, content=7, parts=7))
    yield changed("tools that are no list", lambda it: it.update(tools=it["tools"][0]))
    yield changed("a tool whose name is a number", lambda it: named(it["tools"][0]).update(name=7))
    # Gemini has its model in the path, and all fields of its types may be left out.
    if dialect != "gemini":
        yield changed("no model", lambda it: it.pop("model"))
        yield changed("a tool without a name", lambda it: named(it["tools"][0]).pop("name"))
    calls = [place for place, message in enumerate(body[said]) if is_call(message)]
    if calls:
        yield changed("arguments that are a number", lambda it: spoil_arguments(it[said][calls[0]]))


def named(tool):
    """What of a tool has the name."""
    return next(holder for holder in (tool, tool.get("function"), *tool.get("functionDeclarations", [])) if holder and "name" in holder)


def called(message):
    """The calls of a message in any dialect."""
    blocks = message.get("content") if isinstance(message.get("content"), list) else []
    return (
        [call["function"] for call in message.get("tool_calls", [])]
        + [message][: message.get("type") == "function_call"]
        + [block for block in blocks if block.get("type") == "tool_use"]
        + [part["functionCall"] for part in message.get("parts", []) if "functionCall" in part]
    )


def is_call(message):
    return bool(called(message))


def spoil_arguments(message):
    for call in called(message):
        for name in {"arguments", "input", "args"} & set(call):
            call[name] = 7


def proves(requests):
    counts, met, bodies = collections.Counter(), collections.defaultdict(set), {}
    for dialect, profile, name, body in requests:
        whose = profile if dialect == "openai-chat" else dialect
        plain, found = without(body, EXTENSIONS[whose])
        wrong = problem(dialect, plain)
        assert wrong is None, f"{name} is no {dialect} request of the SDK's type: {wrong}"
        counts[dialect] += 1
        met[whose] |= found
        bodies[dialect] = plain
    return counts, met, bodies


def unmet(met):
    return {whose: listed - met[whose] for whose, listed in EXTENSIONS.items() if listed - met[whose]}


counts, met, bodies = proves([*written(), *recorded()])
assert set(counts) == {"openai-chat", "openai-responses", "anthropic-messages", "gemini"}, counts
assert met == EXTENSIONS, f"listed, but met in no request: {unmet(met)}"
print("requests of the SDKs' own types: " + ", ".join(f"{count} {dialect}" for dialect, count in sorted(counts.items())))
for whose in sorted(met):
    print(f"  {whose}: beside the type " + (", ".join(sorted(met[whose])) or "nothing"))
refused = 0
for dialect, body in bodies.items():
    for name, mutated in mutations(dialect, body):
        assert problem(dialect, mutated), f"{dialect}: {name} passed"
        refused += 1
print(f"{refused} spoilt requests (roles, fields, names, arguments) are refused by the same types")
