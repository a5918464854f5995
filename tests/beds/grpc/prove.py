"""Foreign gRPC clients and a worker in Python, against a coordinator.

    PYTHONPATH=GENERATED python prove.py HOST:PORT

GENERATED has what protoc made of proto/. The coordinator holds one sweep already, brought by `muster submit`.
"""
import json
import os
import re
import sys

import blake3
import grpc
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from muster.v1 import common_pb2 as common
from muster.v1 import control_pb2 as control
from muster.v1 import control_pb2_grpc, work_pb2_grpc
from muster.v1 import work_pb2 as work
from worker import Session, Worker, outcome, turn

MIB = 1 << 20
ACCOUNT = "openai-api/foreign"
SECONDS = {"timeout": 20}
code = grpc.StatusCode

# Both sides refuse more than 8 MiB; gRPC's own default is 4.
channel = grpc.insecure_channel(
    sys.argv[1], options=[("grpc.max_receive_message_length", 8 * MIB), ("grpc.max_send_message_length", 64 * MIB)]
)
control_stub = control_pb2_grpc.ControlStub(channel)
work_stub = work_pb2_grpc.WorkStub(channel)


def refused(expected, call, words=""):
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == expected and words in error.details(), (error.code(), error.details())
        return error.details()
    raise AssertionError(f"not refused with {expected}")


def shape(message):
    """A message type's descriptor without the JSON names, which not every compiler writes down."""
    descriptor = descriptor_pb2.DescriptorProto()
    message.CopyToProto(descriptor)
    for part in (descriptor, *descriptor.nested_type):
        for field in part.field:
            field.ClearField("json_name")
    return descriptor


def health_and_reflection():
    health = health_pb2_grpc.HealthStub(channel)
    for service in ("muster.v1.Work", "muster.v1.Control", ""):
        status = health.Check(health_pb2.HealthCheckRequest(service=service), **SECONDS).status
        assert status == health_pb2.HealthCheckResponse.SERVING, (service, status)
    refused(code.NOT_FOUND, lambda: health.Check(health_pb2.HealthCheckRequest(service="nobody"), **SECONDS))

    reflection = ProtoReflectionDescriptorDatabase(channel)
    services = set(reflection.get_services())
    assert {"muster.v1.Work", "muster.v1.Control", "grpc.health.v1.Health"} <= services, services
    # What comes back describes the same services and messages as the files in proto/.
    served = DescriptorPool(reflection)
    for name, module in (("Work", work), ("Control", control)):
        ours = descriptor_pb2.ServiceDescriptorProto()
        module.DESCRIPTOR.services_by_name[name].CopyToProto(ours)
        theirs = descriptor_pb2.ServiceDescriptorProto()
        served.FindServiceByName(f"muster.v1.{name}").CopyToProto(theirs)
        assert ours == theirs, name
        for message in module.DESCRIPTOR.message_types_by_name.values():
            assert shape(message) == shape(served.FindMessageTypeByName(message.full_name)), message.full_name
    print(f"health: SERVING; reflection: {', '.join(sorted(services))}, with the descriptors of proto/")


def bundles():
    """Reads what `muster submit` brought, and uploads files of our own."""
    [theirs] = control_stub.List(control.ListRequest(), **SECONDS).sweeps
    document = json.loads(control_stub.Get(control.GetRequest(sweep=theirs.id, document=True), **SECONDS).document)
    named = bytes.fromhex(document["bundle"])
    packed = b"".join(c.data for c in work_stub.Bundle(work.BundleRequest(hash=named), **SECONDS))
    assert blake3.blake3(packed).digest() == named, "the bundle is not what its hash says"

    files = os.urandom(2 * MIB + 12_345)
    chunks = [common.BundleChunk(data=files[at : at + MIB]) for at in range(0, len(files), MIB)]
    for _ in range(2):
        assert control_stub.Upload(iter(chunks), **SECONDS).hash == blake3.blake3(files).digest()
    back = b"".join(c.data for c in work_stub.Bundle(work.BundleRequest(hash=blake3.blake3(files).digest()), **SECONDS))
    assert back == files
    refused(code.NOT_FOUND, lambda: list(work_stub.Bundle(work.BundleRequest(hash=bytes(32)), **SECONDS)))
    endless = (common.BundleChunk(data=bytes(MIB)) for _ in range(65))
    refused(code.RESOURCE_EXHAUSTED, lambda: control_stub.Upload(endless, **SECONDS), "64 MiB")
    print(f"bundles: {len(packed):,} bytes of the submitted suite and {len(files):,} of our own, under their hashes")
    return blake3.blake3(files).digest(), theirs.id


def submission(bundle, name, variants, **fields):
    usual = {
        "project": "bed",
        "name": name,
        "content": blake3.blake3(name.encode()).digest(),
        "weight": 1,
        "variants": variants,
        "seeds": 1,
        "lanes": [control.LaneSpec(model=f"{ACCOUNT}/m", account=ACCOUNT, pool="m")],
        "document": b"plan of " + name.encode(),
        "bundle": bundle,
    }
    return control.SubmitRequest(**usual | fields)


def submit(bundle, theirs):
    ask = lambda *args, **fields: control_stub.Submit(submission(bundle, *args, **fields), **SECONDS)
    first = ask("one", 2)
    assert first.created and first.sweep > theirs, first
    again = ask("one", 2)
    assert (again.sweep, again.created) == (first.sweep, False), again
    anew = ask("one", 2, again=True)
    assert anew.created and anew.sweep > first.sweep, anew
    assert control_stub.Cancel(control.SweepRequest(sweep=anew.sweep), **SECONDS).jobs == 2

    whole = control_stub.Get(control.GetRequest(sweep=first.sweep, document=True), **SECONDS)
    assert whole.document == b"plan of one" and whole.content == blake3.blake3(b"one").digest(), whole
    assert (whole.counts.jobs, whole.counts.pending, whole.state) == (2, 2, control.SWEEP_STATE_RUNNING), whole
    assert [s.id for s in control_stub.List(control.ListRequest(), **SECONDS).sweeps] == [anew.sweep, first.sweep, theirs]

    refused(code.NOT_FOUND, lambda: control_stub.Get(control.GetRequest(sweep=99), **SECONDS), "99")
    refused(code.FAILED_PRECONDITION, lambda: control_stub.Submit(submission(bytes(32), "two", 1), **SECONDS), "Upload")
    refused(code.INVALID_ARGUMENT, lambda: ask("two", 1, content=b"short"), "32")
    refused(code.INVALID_ARGUMENT, lambda: ask("two", 0), "variants")
    refused(code.INVALID_ARGUMENT, lambda: ask("two", 1, lanes=[]), "models")
    refused(code.OUT_OF_RANGE, lambda: ask("two", 1, document=bytes(9 * MIB)), "too large")
    print(f"control: sweep {first.sweep} submitted once for two requests, found by Get, List and Watch; bad ones refused by name")
    return first.sweep


def semantics():
    """The version that the coordinator runs, by its own refusal of another."""
    session = Session(work_stub)
    session.say(hello=work.Hello(worker=1, semantics=0))
    status, details = session.end()
    assert status == code.FAILED_PRECONDITION, (status, details)
    return int(re.search(r"coordinator's (\d+)", details).group(1))


def a_whole_episode(worker, sweep):
    """Hello, want, brief, grant, turns each acknowledged before the next, outcome, its acknowledgement."""
    watched = control_stub.Watch(control.WatchRequest(sweep=sweep), timeout=60)
    assert next(watched).counts.pending == 2
    session = worker.connect()
    session.say(want=work.Want(credits=1))
    brief = session.hear("brief")
    assert (brief.sweep, brief.document, list(brief.models)) == (sweep, b"plan of one", [f"{ACCOUNT}/m"]), brief
    grant = session.hear("grant")
    lease = grant.lease
    assert (lease.job.sweep, lease.job.lane, lease.attempt, grant.turns) == (sweep, 0, 1, 0), grant
    bodies = [b"first", bytes(range(256)), os.urandom(4 * MIB), b""]
    for index, body in enumerate(bodies):
        session.say_together(turn(lease, index, body))
        assert session.hear("ack").turns == index + 1
    session.say_together(turn(lease, 1, bodies[1]))
    assert session.hear("ack").turns == len(bodies), "a duplicate is acknowledged with all that is stored"
    session.say(beat=work.Beat())
    for _ in range(2):
        session.say_together(outcome(lease, len(bodies), b"the end"))
        assert session.hear("ack").end
    session.leave()
    assert any(seen.counts.completed == 1 for seen in watched), "Watch did not see it"
    print(f"worker: {len(bodies)} turns with 4 MiB among them, each acknowledged before the next; duplicates acknowledged again")
    return lease, bodies


def a_stale_attempt(worker, sweep):
    """The first session is replaced by one that no longer runs the lease: a newer attempt, and the old one is fenced."""
    first = worker.connect()
    first.say(want=work.Want(credits=1))
    first.hear("brief")
    stale = first.hear("grant").lease
    body = os.urandom(4 * MIB)
    first.say_together(turn(stale, 0, body))
    assert first.hear("ack").turns == 1

    second = worker.connect(held=[])
    assert first.end() == (code.ABORTED, "replaced by a newer session"), first.ended
    second.say(want=work.Want(credits=1))
    second.hear("brief")
    grant = second.hear("grant")
    assert (grant.lease.job, grant.lease.attempt, grant.turns) == (stale.job, 2, 1), grant
    prior = second.hear("prior")
    assert (prior.index, prior.body) == (0, body), "the stored turn is not what was sent"
    second.say_together(turn(stale, 1, b"late"))
    revoke = second.hear("revoke")
    assert (revoke.lease, revoke.reason) == (stale, work.Revoke.REASON_FENCED), revoke
    second.say_together(outcome(stale, 1, b"late"))
    assert second.hear("revoke").reason == work.Revoke.REASON_FENCED

    # What breaks the protocol ends the session with a reason; the lease outlives it.
    second.say(hello=worker.hello())
    assert second.end() == (code.INVALID_ARGUMENT, "a second hello in one session"), second.ended
    large = worker.connect(held=[grant.lease])
    large.say_together(turn(grant.lease, 1, bytes(9 * MIB)))
    status, details = large.end()
    assert status == code.OUT_OF_RANGE and "too large" in details, large.ended
    silent = Session(work_stub)
    silent.say(want=work.Want(credits=1))
    assert silent.end() == (code.INVALID_ARGUMENT, "the first event of a session must be a hello"), silent.ended
    gap = worker.connect(held=[grant.lease])
    gap.say_together(turn(grant.lease, 7, b"from the future"))
    assert gap.hear("revoke").reason == work.Revoke.REASON_PROTOCOL
    gap.say(want=work.Want(credits=1))
    gap.hear("brief")
    last = gap.hear("grant")
    assert (last.lease.job, last.lease.attempt, last.turns) == (stale.job, 3, 1), last
    gap.hear("prior")
    gap.say_together(turn(last.lease, 1, b"second"), outcome(last.lease, 2, b"the end"))
    assert gap.hear("ack").turns == 2 and gap.hear("ack").end
    gap.leave()
    print("fence: attempt 1 of a replaced session is fenced, attempt 2 got its 4 MiB turn back; a second hello, 9 MiB and a gap are refused with words")
    return last.lease, [body, b"second"]


def exported(sweep, episodes):
    """The turns come back byte for byte; a long episode in several messages."""
    found, more = {}, False
    for piece in control_stub.Export(control.ExportRequest(sweep=sweep, turns=True), **SECONDS):
        key = piece.lease.SerializeToString()
        assert more == (key in found), "an episode in pieces is interrupted"
        if not more:
            assert (piece.outcome, piece.detail) == (common.OUTCOME_COMPLETED, b"the end"), piece
        found.setdefault(key, []).extend(piece.turns)
        more = piece.more
    wanted = {lease.SerializeToString(): bodies for lease, bodies in episodes}
    assert not more and found == wanted, "the export is not what was sent"
    whole = control_stub.Get(control.GetRequest(sweep=sweep), **SECONDS)
    assert (whole.state, whole.counts.completed) == (control.SWEEP_STATE_FINISHED, 2), whole

    verdict = common_verdict(episodes[0][0])
    for _ in range(2):
        assert control_stub.Score(iter([control.ScoreBatch(verdicts=[verdict])]), **SECONDS).jobs == 1
    scored = [e for e in control_stub.Export(control.ExportRequest(sweep=sweep, scores=True), **SECONDS) if e.scores]
    assert [list(e.scores) for e in scored] == [[verdict]], scored
    size = sum(len(body) for bodies in wanted.values() for body in bodies)
    print(f"export: {len(found)} episodes, {size:,} bytes of turns as they were sent; a verdict of a foreign scorer kept once")


def common_verdict(lease):
    return control.Verdict(job=lease.job, generation=lease.generation, scorer="foreign", version="1", verdict=b'{"x":1}')


def cancelled(worker, bundle):
    sweep = control_stub.Submit(submission(bundle, "two", 3), **SECONDS).sweep
    session = worker.connect()
    session.say(want=work.Want(credits=2))
    session.hear("brief")
    leases = [session.hear("grant").lease for _ in range(2)]
    [status] = [w for w in control_stub.Workers(control.WorkersRequest(), **SECONDS).workers if w.worker == worker.number]
    assert (status.name, status.connected, status.leases, list(status.accounts)) == ("python", True, 2, [ACCOUNT]), status
    assert control_stub.Cancel(control.SweepRequest(sweep=sweep), **SECONDS).jobs == 3
    revoked = [session.hear("revoke") for _ in leases]
    assert {r.reason for r in revoked} == {work.Revoke.REASON_CANCELLED}
    assert {r.lease.job.ordinal for r in revoked} == {lease.job.ordinal for lease in leases}
    print("cancel: both running leases were revoked, as cancelled")
    return session


def drained(session):
    control_stub.Drain(control.DrainRequest(), **SECONDS)
    session.hear("drain")
    session.leave()
    print("drain: the worker was told; the coordinator ends by itself")


health_and_reflection()
bundle, theirs = bundles()
sweep = submit(bundle, theirs)
python = Worker(work_stub, 4_711, ACCOUNT, semantics())
episodes = [a_whole_episode(python, sweep), a_stale_attempt(python, sweep)]
exported(sweep, episodes)
drained(cancelled(python, bundle))
