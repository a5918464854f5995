"""A worker that knows only what the comments of work.proto say."""
import queue
import threading

import grpc
from muster.v1 import common_pb2 as common
from muster.v1 import work_pb2 as work

WAIT_SECONDS = 20


class Session:
    """One stream. What it hears waits in `heard`; `ended` is its status once it is over."""

    def __init__(self, stub):
        self.said, self.heard, self.ended = queue.Queue(), queue.Queue(), None
        self.call = stub.Session(iter(self.said.get, None))
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        try:
            for message in self.call:
                for event in message.events:
                    self.heard.put(event)
        except grpc.RpcError:
            pass
        self.ended = (self.call.code(), self.call.details())
        self.heard.put(None)

    def say(self, **event):
        self.say_together(work.WorkerEvent(**event))

    def say_together(self, *events):
        self.said.put(work.WorkerMessage(events=events))

    def hear(self, kind):
        """The next event, which is to be of this kind."""
        event = self.heard.get(timeout=WAIT_SECONDS)
        assert event is not None, f"the stream ended, {self.ended}, instead of: {kind}"
        assert event.WhichOneof("event") == kind, f"{event} instead of: {kind}"
        return getattr(event, kind)

    def end(self):
        """How the coordinator ended the stream; what it still said is passed over."""
        while self.heard.get(timeout=WAIT_SECONDS) is not None:
            pass
        return self.ended

    def leave(self):
        """Ends in good order."""
        self.say(goodbye=work.Goodbye())
        code, _ = self.end()
        assert code == grpc.StatusCode.OK, code


class Worker:
    """A worker across its sessions: its number, what it can run, the terms it has seen."""

    def __init__(self, stub, number, account, semantics):
        self.stub, self.number, self.account, self.semantics, self.term = stub, number, account, semantics, 0

    def hello(self, **fields):
        usual = {
            "worker": self.number,
            "semantics": self.semantics,
            "accounts": [self.account],
            "name": "python",
            "term": self.term,
        }
        return work.Hello(**usual | fields)

    def connect(self, **hello):
        session = Session(self.stub)
        session.say(hello=self.hello(**hello))
        welcome = session.hear("welcome")
        assert welcome.term >= self.term and 0 < welcome.beat_ms < welcome.lease_ttl_ms, welcome
        self.term = welcome.term
        return session


def turn(lease, index, body, **usage):
    usage = common.Usage(model_calls=1, input_tokens=10, output_tokens=5, unpriced_calls=1)
    return work.WorkerEvent(turn=work.Turn(lease=lease, index=index, usage=usage, body=body))


def outcome(lease, turns, detail):
    end = work.EpisodeEnd(lease=lease, outcome=common.OUTCOME_COMPLETED, turns=turns, detail=detail)
    return work.WorkerEvent(outcome=end)
