"""Holds every answer and every error of the fakes against the SDKs' response types.

    python prove_answers.py FROZEN RECORD.jsonl FAULTS.txt KEY NAME=ADDRESS...

FROZEN is what the example `requests` wrote: the answers that the worker's fixtures say providers give. RECORD is the witness's of a run of all providers, FAULTS what `muster provider --fault help` lists.
"""
import collections
import json
import pathlib
import sys
import urllib.error
import urllib.request

import pydantic
from answer_types import parsed, refused
from routes import dialect_of, frozen

FROZEN, RECORD, FAULTS, KEY = sys.argv[1:5]
FAKES = dict(fake.split("=", 1) for fake in sys.argv[5:])
# These break what they send, or send nothing: there is nothing to parse.
UNREADABLE = {"hang", "cut", "cut-json", "not-json", "huge", "stall", "keep-alive"}

# One provider's habits, which no other has.
HABITS = {"error-array": "gemini", "error-in-choice": "openrouter"}


def post(address, body, headers):
    headers = headers | {"content-type": "application/json", "authorization": f"Bearer {KEY}", "api-key": KEY, "x-api-key": KEY, "x-goog-api-key": KEY}
    try:
        with urllib.request.urlopen(urllib.request.Request(address, body.encode(), headers), timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def answered():
    """Counts the recorded answers by dialect; returns one request of each dialect and provider."""
    counts, openings = collections.Counter(), {}
    for line in open(RECORD):
        entry = json.loads(line)
        dialect, profile = dialect_of(entry["path"]), entry["server"]
        assert entry["status"] == 200, entry["said"]
        answer = parsed(dialect, profile, entry["said"])
        assert says_something(dialect, answer), entry["said"]
        if (dialect, profile) not in openings:
            can_fail(dialect, profile, entry["said"])
        counts[dialect] += 1
        openings.setdefault((dialect, profile), entry)
    return counts, openings


def can_fail(dialect, profile, said):
    """The types refuse what is only nearly an answer."""
    body = json.loads(said)
    first = next(iter(body.get("choices") or body.get("output") or body.get("content") or body["candidates"]))
    for holder, change in [(body, {"surprise": 1}), (first, {"surprise": 1}), (first, {"index": "0", "type": 0})]:
        before = dict(holder)
        holder.update(change)
        try:
            parsed(dialect, profile, json.dumps(body))
        except (AssertionError, pydantic.ValidationError):
            holder.clear()
            holder.update(before)
            continue
        raise AssertionError(f"{dialect} with {change} passed")


def says_something(dialect, answer):
    """The types alone would let a list be empty."""
    if dialect == "openai-chat":
        [choice] = answer.choices
        return choice.message.tool_calls or choice.message.content
    if dialect == "gemini":
        return answer.candidates[0].content.parts and answer.usage_metadata.prompt_token_count
    return answer.output if dialect == "openai-responses" else answer.content


def spoilt(fault, dialect, profile, entry):
    """What one call gets under a fault: the status."""
    base = FAKES[profile]
    status, said = post(base + "/control/faults", json.dumps({"plan": f"{fault}=1"}), {})
    assert status == 200, said
    version = {"anthropic-version": "2023-06-01"} if dialect == "anthropic-messages" else {}
    status, said = post(base + entry["path"], entry["asked"], version)
    if status == 200 and not holds_error(said):
        parsed(dialect, profile, said)
    elif status == 200 and dialect == "openai-responses":
        answer = parsed(dialect, profile, said)
        assert answer.status == "failed" and answer.error.code == "server_error", said
    elif status == 200:
        in_200(dialect, profile, said)
    else:
        refused(dialect, profile, status, said)
    return status


def holds_error(said):
    body = json.loads(said)
    choices = body.get("choices", []) if isinstance(body, dict) else []
    return isinstance(body, list) or bool(body.get("error")) or any("error" in choice for choice in choices)


def in_200(dialect, profile, said):
    """An error under a status of 200 has the words that it would have under its own."""
    body = json.loads(said)
    if "choices" in body:
        [choice] = body["choices"]
        assert choice["finish_reason"] == "error" and choice["error"]["code"] == 502, said
    else:
        refused(dialect, profile, body["error"].get("code", 200) if dialect == "gemini" else 200, said)


fixtures = [parsed(dialect, profile, text) for dialect, profile, _, text in frozen(pathlib.Path(FROZEN), ".answer.json")]
assert len(fixtures) >= 37, len(fixtures)
counts, openings = answered()
print(f"{len(fixtures)} frozen answers parse strictly in the SDKs' types")
print("answers parse strictly in the SDKs' types: " + ", ".join(f"{count} {dialect}" for dialect, count in sorted(counts.items())))
faults = [fault for fault in open(FAULTS).read().split() if fault not in UNREADABLE]
assert len(faults) > 100, faults
statuses = collections.Counter()
for (dialect, profile), entry in sorted(openings.items()):
    for fault in faults:
        owner = fault.split("/")[0] if "/" in fault else HABITS.get(fault, profile)
        if owner == profile:
            statuses[spoilt(fault, dialect, profile, entry)] += 1
    post(FAKES[profile] + "/control/faults", '{"plan": ""}', {})
print(f"{sum(statuses.values())} answers under {len(faults)} faults parse too, by status: " + ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items())))
