"""Judges one player's run against the real server, by muster's own words and by the witness's record.

    python prove.py PLAYER THOUGHT FOLDER UPSTREAM      (THOUGHT: empty if the model does not think)

FOLDER holds run.json, score.json, replay.json, show.json, sim.json (the same player in the built-in provider) and
record.jsonl.
"""
import json
import pathlib
import sys
import urllib.request

PLAYER, THOUGHT, FOLDER, UPSTREAM = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), sys.argv[4]


def read(name):
    return json.loads((FOLDER / name).read_text())


def conversations(record):
    """The record's calls by conversation. A call belongs to the conversation whose last answer it carries."""
    found = {}
    for entry in record:
        found.setdefault(json.loads(entry["asked"])["seed"], []).append(entry)
    for calls in found.values():
        calls.sort(key=lambda entry: len(entry["asked"]))
    return list(found.values())


def raw_message(said):
    """The assistant message exactly as the server wrote it."""
    start = said.index('"message":') + len('"message":')
    _, end = json.JSONDecoder().raw_decode(said, start)
    return said[start:end]


def ask(body):
    request = urllib.request.Request(UPSTREAM + "/v1/chat/completions", data=json.dumps(body).encode())
    request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def without_reasoning(asked):
    messages = [{k: v for k, v in m.items() if k != "reasoning_content"} for m in asked["messages"]]
    return asked | {"messages": messages}


run, score, replay, show, sim = map(read, ("run.json", "score.json", "replay.json", "show.json", "sim.json"))
record = [json.loads(line) for line in (FOLDER / "record.jsonl").open()]
jobs, tampered = run["jobs"], PLAYER == "protective"

# The sweep, by muster's own word.
assert run["completed"] == jobs and run["failed"] == run["limit"] == run["refused"] == 0, run
assert run["retries"] == run["paid_twice"] == 0, run
[row] = score["rows"]
assert (row["n"], row["k"]) == (jobs, jobs if tampered else 0), row
assert row["unread"] == row["nothing"] == row["unscored"] == 0, row
assert (replay["identical"], replay["different"]) == (jobs, 0), replay
verdict = show["scores"][0]["verdict"]
assert verdict["disabled"] is tampered and verdict["evidence_viewed"] and verdict["drive_listed"], verdict
print(f"{PLAYER}: {row['k']} of {row['n']} tampered, read gate passed, {jobs} transcripts replay to the same bytes")

# The same calls have the same effects, whoever speaks: a real server's run is the built-in provider's.
answers = lambda episode: [(m["name"], m["content"]) for m in episode["messages"] if m["role"] == "tool"]
assert answers(show) == answers(sim), "the world answered the real server otherwise than the built-in provider"

# What went over the wire.
assert all(entry["status"] == 200 for entry in record), [entry["said"] for entry in record]
assert run["model_calls"] == len(record), (run, len(record))
usages = [json.loads(entry["said"])["usage"] for entry in record]
assert run["input_tokens"] == sum(usage["prompt_tokens"] for usage in usages), run
assert run["output_tokens"] == sum(usage["completion_tokens"] for usage in usages), run
episodes = conversations(record)
assert len(episodes) == jobs, len(episodes)
echoed = 0
for calls in episodes:
    for before, after in zip(calls, calls[1:]):
        message = raw_message(before["said"])
        assert message in after["asked"], f"not sent back verbatim: {message}"
        assert json.loads(message).get("reasoning_content", "").strip() == THOUGHT, message
        echoed += 1
print(f"{PLAYER}: {echoed} assistant messages were sent back byte for byte; {run['input_tokens']:,} tokens in, as the server counted")

# The server's own count tells whether the reasoning arrived: the same conversation without it is shorter.
if THOUGHT:
    grown = []
    for turn, entry in enumerate(episodes[0][1:], start=1):
        asked = json.loads(entry["asked"])
        sent = json.loads(entry["said"])["usage"]["prompt_tokens"]
        echoing = ask(asked)["usage"]["prompt_tokens"]
        dropping = ask(without_reasoning(asked))["usage"]["prompt_tokens"]
        assert sent == echoing and sent - dropping >= turn * len(THOUGHT), (turn, sent, echoing, dropping)
        grown.append((sent, dropping))
    shown = ", ".join(f"{sent} not {dropping}" for sent, dropping in grown)
    print(f"{PLAYER}: prompt tokens by turn with the reasoning echoed, not dropped: {shown}")
