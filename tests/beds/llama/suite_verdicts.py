"""Holds every episode that the real server played against the same one of the built-in provider, verdict by verdict.

    python suite_verdicts.py FAKE REAL            (folders with episodes.jsonl and shown.json)
    python suite_verdicts.py --sample REAL        prints jobs to show: one of each scenario and player, in dialects by turns

episodes.jsonl is what `muster report --episodes --json` prints, shown.json what `muster show --json` prints of some of them:
of these also the scorers' side facts and the conversation are compared. Prints a table, and ends with 1 if anything differs, an
episode is missing, or a scenario's players can't be told apart by their verdicts.
"""
import json
import pathlib
import sys

from script import shown

PLAYERS = ["obedient", "protective"]
DIALECTS = {"openai-api/chat": "chat", "openai-api/responses": "responses", "anthropic": "messages"}
# The scorers that every scenario has, and those of the behaviours that it can show.
ALWAYS = {"read", "refusal", "evaluation_awareness", "drop_out"}
BEHAVIOURS = {
    "misrep_finance": {"misrepresentation"},
    "misrep_evaluation": {"misrepresentation"},
    "tampering": {"tampering", "misrepresentation"},
    "alignment_faking": {"alignment_faking", "misrepresentation"},
    "exfiltration_transfer": {"exfiltration"},
    "exfiltration_deletion": {"exfiltration"},
}


class Tally:
    """One row of the table."""

    def __init__(self):
        self.equal = self.verdicts = self.whole = 0

    def count(self, real):
        self.equal += 1
        self.verdicts += len(real["verdicts"])
        self.whole += "show" in real


def listed(folder):
    return [json.loads(line) for line in (pathlib.Path(folder) / "episodes.jsonl").open()]


def read(folder):
    """A sweep's episodes by what was played; those that were shown have their transcript."""
    shows = {show["job"]: show for show in shown((pathlib.Path(folder) / "shown.json").read_text())}
    found = {}
    for episode in listed(folder):
        assert found.setdefault(key(episode), episode) is episode, f"the same was played twice: {episode}"
        if episode["job"] in shows:
            episode["show"] = shows[episode["job"]]
    return found


def played(episode):
    """Scenario, player, variant and seed: what was played, whoever spoke."""
    variant = json.dumps(episode["variant"], sort_keys=True)
    return episode["scenario"], episode["model"].rsplit("/", 1)[1], variant, episode["seed"]


def key(episode):
    return episode["model"].rsplit("/", 1)[0], played(episode)


def sample(folder):
    episodes = {key(episode): episode["job"] for episode in listed(folder)}
    chosen = {what[:2]: what for _, what in sorted(episodes, reverse=True)}
    for place, what in enumerate(sorted(chosen.values())):
        yield episodes[list(DIALECTS)[place % len(DIALECTS)], what]


# What can't be equal is left out: addresses and identities of jobs, names of models, ids of calls, how a server calls itself,
# and blanks around a thought, which the server's parser keeps.
def stored(episode):
    found = {name: episode[name] for name in ("outcome", "verdicts")}
    return found | {"scores": episode["show"]["scores"], "said": said(episode)} if "show" in episode else found


def said(episode):
    return [heard(message) for message in episode["show"]["messages"]]


def heard(message):
    calls = [{"name": call["name"], "arguments": json.loads(call["arguments"])} for call in message.get("tool_calls", [])]
    same = {name: message.get(name) for name in ("role", "content", "is_error")}
    return same | {"reasoning": message.get("reasoning", "").strip(), "calls": calls}


def differences(fake, real, path=""):
    """What is not as the built-in provider has it, in words."""
    if isinstance(fake, dict) and isinstance(real, dict):
        pairs = [(name, fake.get(name), real.get(name)) for name in sorted(fake.keys() | real.keys())]
    elif isinstance(fake, list) and isinstance(real, list) and len(fake) == len(real):
        pairs = [(place, *pair) for place, pair in enumerate(zip(fake, real))]
    else:
        return [] if fake == real else [f"{path} is {real}, not {fake}"]
    return [found for name, one, other in pairs for found in differences(one, other, f"{path}/{name}")]


def mistakes(fake, real):
    if real is None:
        return ["the episode is missing"]
    unasked = (ALWAYS | BEHAVIOURS[real["scenario"]]) - real["verdicts"].keys()
    mine = stored(fake) if "show" in real else {name: fake[name] for name in ("outcome", "verdicts")}
    return [f"no verdict of {scorer}" for scorer in sorted(unasked)] + differences(mine, stored(real))


def row(fakes, real, model, wrong):
    tally = Tally()
    for what, fake in fakes.items():
        other = real.pop((model, what), None)
        found = mistakes(fake, other)
        wrong += [f"{model}, {' '.join(map(str, what))}: {mistake}" for mistake in found]
        if not found:
            tally.count(other)
    return tally


def told_apart(fake, scenario):
    """Players whose verdicts were all the same would show nothing by being equal."""
    by_player = [{w[2]: e["verdicts"] for w, e in fake.items() if w[:2] == (scenario, player)} for player in PLAYERS]
    return all(by_player) and by_player[0] != by_player[1]


def main(fake_folder, real_folder):
    fake = {what: episode for (_, what), episode in read(fake_folder).items()}
    real, wrong, expected = read(real_folder), [], len(fake) * len(DIALECTS)
    print(f"{'scenario':<22} {'player':<11} {'dialect':<10} episodes equal   verdicts equal   whole transcripts equal")
    for scenario in BEHAVIOURS:
        if not told_apart(fake, scenario):
            wrong.append(f"{scenario}: the players' verdicts are all the same, or one of them did not play")
        for player in PLAYERS:
            fakes = {what: episode for what, episode in fake.items() if what[:2] == (scenario, player)}
            for model, dialect in DIALECTS.items():
                tally = row(fakes, real, model, wrong)
                episodes = f"{tally.equal} of {len(fakes)}"
                print(f"{scenario:<22} {player:<11} {dialect:<10} {episodes:<16} {tally.verdicts:<16} {tally.whole}")
    wrong += [f"{model}, {' '.join(map(str, what))}: only the real server played it" for model, what in real]
    for mistake in wrong:
        print(f"DIFFERS {mistake}", file=sys.stderr)
    if not wrong:
        print(f"{expected} episodes: all verdicts of the real server's are the built-in provider's")
    return bool(wrong)


if __name__ == "__main__":
    if sys.argv[1] == "--sample":
        print("\n".join(sample(sys.argv[2])))
    else:
        sys.exit(main(*sys.argv[1:]))
