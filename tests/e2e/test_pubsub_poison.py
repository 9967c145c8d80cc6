"""Documents that no worker can do, workers that can do no document, and workers told to end."""

import json
from collections.abc import Iterator, Sequence
from functools import partial

import psutil
import pytest

from deploy.local.house import DEFAULT_TENANT
from deploy.local.pubsub_site import UPLOADS
from examples.fixed import fixed_examples
from examples.stream import invoice_stream
from examples.truth import Example
from services.ingest.registered import RegisteredDocument
from shared.events.ids import document_id
from shared.keys.port import TenantPurpose
from shared.telemetry.spans import SpanName
from shared.worker.quarantine import QuarantineRecord
from tests.e2e.cluster import Cluster, cluster
from tests.e2e.commands import alive
from tests.e2e.endings import (
    accounted_for,
    short_clocks,
    submissions,
    sweep,
    traces_are_whole,
    traces_of,
    wait_sweeping,
)
from tests.e2e.sabotage import Order, Sabotage
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.enable_socket,
]

ANOTHER = "another"
ANOTHERS_UPLOADS = "uploads-of-another"
FLOOD = 30

INVOICES = [example.content for example in invoice_stream(11, 24)]
"""Each test takes its own; ``fresh`` hands them out."""


@pytest.fixture(scope="module")
def sabotage(tmp_path_factory: pytest.TempPathFactory) -> Sabotage:
    """Orders for the deployables."""
    buckets = f"{UPLOADS}={DEFAULT_TENANT},{ANOTHERS_UPLOADS}={ANOTHER}"
    return Sabotage(tmp_path_factory.mktemp("sabotage"), {"DOCLEDGER_ENTRANCE_BUCKETS": buckets})


@pytest.fixture(scope="module")
def up(sabotage: Sabotage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """All deployables, for two tenants."""
    with pytest.MonkeyPatch.context() as patch:
        short_clocks(tmp_path_factory.mktemp("clocks"), patch, long_lease_s=10)
        with cluster(tmp_path_factory.mktemp("poison") / "data", more=sabotage.environment) as up:
            up.bucket.client.bucket(ANOTHERS_UPLOADS).create()
            yield up


@pytest.fixture(autouse=True)
def _in_order_again(sabotage: Sabotage) -> Iterator[None]:
    yield
    sabotage.order([])


@pytest.fixture(scope="module")
def fresh() -> Iterator[bytes]:
    """Invoices that were not uploaded yet."""
    return iter(INVOICES)


@pytest.fixture(scope="module")
def by_name() -> dict[str, Example]:
    """The examples."""
    return {example.name: example for example in fixed_examples()}


def _id(up: Cluster, content: bytes, tenant: str = DEFAULT_TENANT) -> str:
    return document_id(up.house.keyring.tenant_key(tenant, TenantPurpose.IDS), content)


def _upload(up: Cluster, contents: Sequence[bytes]) -> list[str]:
    """Upload files; return the documents that they are."""
    ids = [_id(up, content) for content in contents]
    up.upload({f"{one}.pdf": content for one, content in zip(ids, contents, strict=True)})
    return ids


def _document(up: Cluster, document_id: str, tenant: str = DEFAULT_TENANT) -> RegisteredDocument:
    found = up.house.register.document(tenant, document_id)
    assert found is not None
    return found


def _status(up: Cluster, document_id: str, tenant: str = DEFAULT_TENANT) -> str:
    found = up.house.register.document(tenant, document_id)
    return found.status.value if found is not None and found.status is not None else ""


def _record(up: Cluster, document_id: str) -> QuarantineRecord:
    """Return the newest record about a document, as the command shows it."""
    told = up.asked("quarantine", "show", document_id)
    assert told.code == 0, told.stderr
    *_, last = told.stdout.decode().replace("}\n{", "}\0{").split("\0")
    fields = json.loads(last)
    del fields["record"], fields["replayed"]
    return QuarantineRecord.model_validate_json(json.dumps(fields))


def _since_the_replay(up: Cluster, trace: str) -> set[str]:
    """Return who has worked in a trace since its document was replayed."""
    spans = traces_of(up.data)[trace]
    replayed = next(span.start for span in spans if span.operation == SpanName.REPLAY)
    return {span.service for span in spans if span.start > replayed}


def _opened(up: Cluster, stage: str) -> bool:
    return any('"breaker.opened"' in line for line in up.logs(stage))


def _arbiter(up: Cluster, deployable: str) -> psutil.Process:
    """Return the process that a platform starts and signals: the container's first."""
    return next(one for one in up.processes(deployable) if one.ppid() == up.started.pid)


def test_a_permanent_error_is_not_retried(
    up: Cluster, sabotage: Sabotage, by_name: dict[str, Example]
) -> None:
    """Neither a worker's time nor a paid call is spent twice on what cannot work."""
    examples = [by_name[name] for name in ("corrupt.pdf", "encrypted.pdf", "program.pdf")]
    before = submissions(up.house)
    ids = _upload(up, [example.content for example in examples])
    wait_sweeping(up, before + len(ids))
    for one, example in zip(ids, examples, strict=True):
        record = _record(up, one)
        assert record.reason == example.reason
        assert len(sabotage.handled(record.stage, record.subject)) == 1


def test_poison_is_in_quarantine_and_after_a_fix_posted_in_the_same_trace(
    up: Cluster, sabotage: Sabotage, fresh: Iterator[bytes]
) -> None:
    """It does not go round for ever, takes nobody along, and is not lost."""
    raises, kills, good = contents = [next(fresh) for _ in range(3)]
    ids = {content: _id(up, content) for content in contents}
    sabotage.order(
        [Order("summarize", "fail", ids[raises]), Order("ocr", "die", ids[kills])],
    )
    before = submissions(up.house)
    _upload(up, contents)
    wait_sweeping(up, before + len(contents))
    assert _status(up, ids[good]) == "posted"
    traces = {}
    for content, stage, reason, tries in (
        (raises, "summarize", "attempts_exhausted", 5),
        (kills, "ocr", "kills_workers", 3),
    ):
        record = _record(up, ids[content])
        calls = sabotage.handled(stage, ids[content])
        assert (record.stage, record.reason, len(calls)) == (stage, reason, tries)
        assert record.event is not None
        assert record.event["subject"] == ids[content]
        traces[content] = record.trace_id
        assert record.trace_id in traces_of(up.data)
    assert len({call.pid for call in sabotage.handled("ocr", ids[kills])}) == 3

    sabotage.order([])  # the fix
    for content in (raises, kills):
        told = up.asked("quarantine", "replay", ids[content])
        assert told.code == 0, told.stderr
    wait_sweeping(up, before + len(contents))
    for content, trace in traces.items():
        posted = partial(_status, up, ids[content])
        wait_until(lambda: posted() == "posted", what="the replay is posted")  # noqa: B023 - at once
        passed = partial(_since_the_replay, up, trace)
        wait_until(
            lambda: {"summarize", "ledger", "sequencer"} <= passed(),  # noqa: B023 - at once
            what="the same trace tells of it",
        )


def test_a_deploy_that_breaks_every_document_keeps_the_queue(
    up: Cluster, sabotage: Sabotage, fresh: Iterator[bytes]
) -> None:
    """It is rolled back, and nobody has hundreds of documents to replay."""
    sabotage.order([Order("summarize", "fail", canary=True)])
    before = submissions(up.house)
    ids = _upload(up, [next(fresh) for _ in range(8)])
    wait_until(lambda: _opened(up, "summarize"), what="the breaker opens")
    tries = len(sabotage.handled("summarize"))

    def refused() -> bool:
        return sum('"retry"' in line for line in up.logs("summarize")) > tries + 2 * len(ids)

    wait_until(refused, what="deliveries are given back untried")
    documents = [_document(up, one) for one in ids]
    assert {(one.stage, one.status) for one in documents} == {("summarize", None)}
    # what was in hand as it opened may still have failed
    assert len(sabotage.handled("summarize")) <= tries + 2
    old = _arbiter(up, "summarize")
    sabotage.order([])  # the deploy before it
    old.terminate()
    wait_sweeping(up, before + len(ids))
    assert {_status(up, one) for one in ids} == {"posted"}


def test_one_tenants_flood_of_bad_files_stops_nobody_else(
    up: Cluster, sabotage: Sabotage, fresh: Iterator[bytes], by_name: dict[str, Example]
) -> None:
    """Neither files that are broken, nor files that break what nobody thought of."""
    sabotage.order([Order("ocr", "fail", tenant=ANOTHER)])
    corrupt = [by_name["corrupt.pdf"].content + b"%%%d" % number for number in range(FLOOD)]
    breaking = [next(fresh) for _ in range(4)]
    bucket = up.bucket.client.bucket(ANOTHERS_UPLOADS)
    before = submissions(up.house)
    for number, content in enumerate([*breaking, *corrupt]):
        bucket.blob(f"{number}.pdf").upload_from_string(content)
    ids = _upload(up, [next(fresh) for _ in range(4)])

    def in_between() -> bool:
        sweep(up)  # nobody is notified of the other bucket
        return bool(sabotage.handled("ocr", _id(up, breaking[-1], ANOTHER)))

    wait_until(in_between, what="the flood is there")
    wait_sweeping(up, before + len(ids) + len(breaking) + len(corrupt))
    assert {_status(up, one) for one in ids} == {"posted"}
    for contents, reason in ((corrupt, "unreadable"), (breaking, "attempts_exhausted")):
        for content in contents:
            document = _document(up, _id(up, content, ANOTHER), ANOTHER)
            assert document.reason == reason
    assert not _opened(up, "ingest")
    assert not _opened(up, "ocr")
    assert list(bucket.list_blobs()) == []


def test_sigterm_in_the_middle_of_a_document_loses_no_work(
    up: Cluster, sabotage: Sabotage, fresh: Iterator[bytes], by_name: dict[str, Example]
) -> None:
    """What can be finished in time is; what cannot is given back, or taken from the dead."""
    finished, stuck, picture = next(fresh), next(fresh), by_name["receipt.png"].content
    stages = {stuck: "ledger", finished: "summarize", picture: "ocr"}
    ids = {content: _id(up, content) for content in stages}
    sabotage.order(Order(stages[content], "wait", ids[content]) for content in (finished, stuck))
    before = submissions(up.house)
    for content, stage in stages.items():
        _upload(up, [content])
        in_hand = partial(sabotage.handled, stage, ids[content])
        wait_until(lambda: bool(in_hand()), what=f"{stage} has its document")  # noqa: B023 - at once
    ended = [_arbiter(up, stage) for stage in stages.values()]
    for one in ended:
        one.terminate()
    sabotage.order([Order("ledger", "wait", ids[stuck])])
    wait_until(lambda: not any(map(alive, ended)), what="all three have ended")
    sabotage.order([])
    wait_sweeping(up, before + len(stages))
    assert {_status(up, one) for one in ids.values()} == {"posted"}
    assert len(sabotage.handled("summarize", ids[finished])) == 1
    assert len({call.pid for call in sabotage.handled("ledger", ids[stuck])}) == 2


@pytest.mark.last
def test_everything_is_accounted_for_in_the_end(up: Cluster, fresh: Iterator[bytes]) -> None:
    """After all of that: the books, the leases, the traces."""
    before = submissions(up.house)
    _upload(up, [next(fresh)])
    wait_sweeping(up, before + 1)
    accounted_for(up)
    # one killed itself; one was stuck until its time was over; one was told to end, twice, and is
    # killed where the machine is too slow for that
    traces_are_whole(up, killed={"ocr", "ledger", "summarize"})
