"""Transcripts as `muster show --json` prints them, made into scripts for tests/peers/llama/scripted_model.py.

    muster show SWEEP JOB --json | python script.py [THOUGHT] > SCRIPT.json        one, said to whoever asks
    cat SHOWN... | python script.py --suite > SCRIPT.json                          many, told apart by how they open

Alone, a call is a step of its own, so that a short episode has many turns; of many, each turn is played as it was, with its
thought, its words and all its calls at once.
"""
import json
import sys


def shown(text):
    """Transcripts, one after the other."""
    decoder, found, place = json.JSONDecoder(), [], 0
    while place < len(text):
        episode, place = decoder.raw_decode(text, place)
        found.append(episode)
        place += len(text[place:]) - len(text[place:].lstrip())
    return found


def calls(message):
    return [{"tool": call["name"], "arguments": json.loads(call["arguments"])} for call in message["tool_calls"]]


def spoken(episode):
    return [message for message in episode["messages"] if message["role"] == "assistant"]


def whole(episode):
    opening = {message["role"]: message["content"] for message in episode["messages"][:2]}
    steps = [{"think": turn["reasoning"], "say": turn["content"], "calls": calls(turn)} for turn in spoken(episode)]
    return opening | {"steps": steps}


def told_apart(scripts):
    """The model knows a script by how the conversation opens, so the same opening must not go two ways."""
    openings = {}
    for script in scripts:
        steps = openings.setdefault((script["system"], script["user"]), script["steps"])
        assert steps == script["steps"], f"two scripts open the same: {script['user'][:80]}"
    return scripts


def main(thoughts):
    episodes = shown(sys.stdin.read())
    if thoughts == ["--suite"]:
        return {"scripts": told_apart([whole(episode) for episode in episodes])}
    return {"think": thought for thought in thoughts} | {"steps": [call for turn in spoken(episodes[0]) for call in calls(turn)]}


if __name__ == "__main__":
    json.dump(main(sys.argv[1:]), sys.stdout)
