"""A transcript as `muster show --json` prints it, made into a script for tests/peers/llama/scripted_model.py.

    muster show SWEEP JOB --json | python script.py [THOUGHT] > SCRIPT.json

The model says one thing a turn, so calls that the player made at once come one after the other.
"""
import json
import sys

messages = json.load(sys.stdin)["messages"]
calls = [call for message in messages if message["role"] == "assistant" for call in message["tool_calls"]]
steps = [{"tool": call["name"], "arguments": json.loads(call["arguments"])} for call in calls]
thought = {"think": sys.argv[1]} if len(sys.argv) > 1 else {}
json.dump(thought | {"steps": steps}, sys.stdout)
