"""Judges one player's run against the real server in all dialects, by muster's own words and by the witness's record.

    python prove.py PLAYER THOUGHT FOLDER UPSTREAM      (THOUGHT: empty if the model does not think)

FOLDER holds run.json, score.json, replay.json, show-DIALECT.json, sim.json (the same player in the built-in provider) and
record.jsonl.
"""
import json
import pathlib
import sys
import urllib.request

from dialects import DIALECTS, MODELS, PATHS

PLAYER, THOUGHT, FOLDER, UPSTREAM = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), sys.argv[4]
# How many calls after the first are asked again without the reasoning.
TURNS = 2


def read(name):
    return json.loads((FOLDER / name).read_text())


def conversations(dialect, record):
    """The record's calls by conversation. A call belongs to the one whose last answer it carries, by the ids of its calls."""
    found, by_id = [], {}
    for entry in record:
        calls = next((by_id[id] for id in by_id if f'"{id}"' in entry["asked"]), None)
        if calls is None:
            found.append(calls := [])
        calls.append(entry)
        by_id |= {id: calls for id in dialect.ids(json.loads(entry["said"]))}
    return found


def ask(path, body):
    request = urllib.request.Request(UPSTREAM + path, data=json.dumps(body).encode())
    request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def went_well(run, score, replay, tampered):
    """The sweep, by muster's own word."""
    jobs = run["jobs"]
    assert run["completed"] == jobs and run["failed"] == run["limit"] == run["refused"] == 0, run
    assert run["retries"] == run["paid_twice"] == 0, run
    assert {row["model"] for row in score["rows"]} == set(MODELS.values()), score
    rows = [row for row in score["rows"] if row["behaviour"] == "tampering"]
    assert len(rows) == len(MODELS), score
    for row in rows:
        assert (row["n"], row["k"]) == (jobs // len(MODELS), jobs // len(MODELS) if tampered else 0), row
        assert row["unread"] == row["nothing"] == row["unscored"] == 0, row
    assert (replay["identical"], replay["different"]) == (jobs, 0), replay
    print(f"{PLAYER}: {jobs} episodes, {sum(row['k'] for row in rows)} tampered, read gate passed, all replay to the same bytes")


def answers(episode):
    return [(said["name"], said["content"]) for said in episode["messages"] if said["role"] == "tool"]


def same_effects(show, sim, tampered):
    """The same calls have the same effects, whoever speaks: a real server's run is the built-in provider's."""
    assert answers(show) == answers(sim), "the world answered the real server otherwise than the built-in provider"
    verdict = next(score["verdict"] for score in show["scores"] if score["scorer"] == "tampering")
    assert verdict["disabled"] is tampered and verdict["evidence_viewed"] and verdict["drive_listed"], verdict


def sent_back(dialect, episodes):
    """Every answer came back in the next call, byte for byte, with its thought."""
    echoed = 0
    for before, after in (pair for calls in episodes for pair in zip(calls, calls[1:])):
        for piece in dialect.echoed(before["said"]):
            assert piece in after["asked"], f"not sent back verbatim: {piece}"
        for thought in dialect.thoughts(json.loads(before["said"])):
            assert thought.strip() == THOUGHT, thought
        echoed += 1
    return echoed


def counted_with_reasoning(name, calls):
    """The server's own count tells whether the reasoning arrived: the same conversation without it is shorter."""
    dialect, grown = DIALECTS[name], []
    for turn, entry in enumerate(calls[1 : 1 + TURNS], start=1):
        sent, _ = dialect.tokens(json.loads(entry["said"]))
        dropping, _ = dialect.tokens(ask(PATHS[name], dialect.without_reasoning(json.loads(entry["asked"]))))
        assert sent - dropping >= turn * len(THOUGHT), (turn, sent, dropping)
        grown.append(f"{sent} not {dropping}")
    assert len(grown) == TURNS, calls
    return ", ".join(grown)


run, score, replay, sim = map(read, ("run.json", "score.json", "replay.json", "sim.json"))
record = [json.loads(line) for line in (FOLDER / "record.jsonl").open()]
tampered, counts = PLAYER == "protective", {}
went_well(run, score, replay, tampered)
assert all(entry["status"] == 200 for entry in record), [entry["said"] for entry in record]
assert run["model_calls"] == len(record), (run, len(record))
for name, dialect in DIALECTS.items():
    same_effects(read(f"show-{name}.json"), sim, tampered)
    own = [entry for entry in record if entry["server"] == name]
    assert {entry["path"] for entry in own} == {PATHS[name]}, own
    episodes = conversations(dialect, own)
    assert len(episodes) == run["jobs"] // len(DIALECTS), len(episodes)
    used = [dialect.tokens(json.loads(entry["said"])) for entry in own]
    counts[name] = [sum(tokens) for tokens in zip(*used)]
    print(f"{PLAYER}, {name}: {sent_back(dialect, episodes)} answers were sent back byte for byte in {len(own)} calls")
    if THOUGHT:
        shown = counted_with_reasoning(name, episodes[0])
        print(f"{PLAYER}, {name}: prompt tokens of calls 2 and 3 with the reasoning echoed, not dropped: {shown}")
assert run["input_tokens"] == sum(tokens for tokens, _ in counts.values()), (run, counts)
assert run["output_tokens"] == sum(tokens for _, tokens in counts.values()), (run, counts)
print(f"{PLAYER}: {run['input_tokens']:,} tokens in and {run['output_tokens']:,} out, as the server counted")
