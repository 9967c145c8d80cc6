"""Services cannot leak: what people handed in stands in nothing that a stranger could read.

Every library of every process says all that it has to say, and handlers, adapters and the front
door raise exceptions that quote what they were given. What the emulators write of their own is
Google's side of the house, where uploads are what people dropped: their two logs are left out, and
so is the topic on which Cloud Storage names the files that were dropped.
"""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from examples.canaries import canary_invoice, make_canaries
from shared.telemetry.reasons import QuarantineReason
from tests.e2e.cluster import Cluster, cluster, drained
from tests.e2e.endings import short_clocks
from tests.e2e.needles import forms_of
from tests.e2e.overheard import Overhearing, leaks, of_files, of_objects, of_processes
from tests.e2e.quoting import PLACES, Quoting
from tests.e2e.seeded import Words, seeded
from tests.e2e.strangers import audits, event_like, requests_to, told, wire
from tests.waiting import PATIENCE_S, wait_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.enable_socket,
    pytest.mark.timeout(900),
]

TALKATIVE = {
    "DOCLEDGER_LOG_LEVEL": "debug",
    "GOOGLE_SDK_PYTHON_LOGGING_SCOPE": "google",
    "GRPC_VERBOSITY": "debug",
    "GRPC_TRACE": "http",
    "PYTHONASYNCIODEBUG": "1",
    "PYTHONWARNINGS": "always",
}
NOT_OURS = {"logs/pubsub.log", "logs/storage.log"}
REFUSALS = {400, 404, 405, 413, 415, 422, 500, 503}
ACCEPTED = b" 202 "
REASONS = {QuarantineReason.MALFORMED_EVENT, QuarantineReason.ATTEMPTS_EXHAUSTED}
LEAST_ANSWERS = 200
LEAST_MESSAGES = 200
LEAST_NEEDLES = 1_000


@dataclass(repr=False)
class Heard:
    """What was heard of one run.

    Attributes:
        needles: every form of what must not be heard, with the place that it was put at.
        answers: of every deployable to every request.
        messages: on every topic.
        figures: of every deployable.
        processes: how they were started.
        objects: names and metadata.
        output: of the command.
        files: everything that is left on disk.
        raised: exceptions that quoted documents, and where.
        reasons: of what is in quarantine.
    """

    needles: dict[bytes, str]
    answers: dict[str, bytes] = field(default_factory=dict)
    messages: dict[str, bytes] = field(default_factory=dict)
    figures: dict[str, bytes] = field(default_factory=dict)
    processes: dict[str, bytes] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    output: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    raised: list[tuple[str, str]] = field(default_factory=list)
    reasons: set[QuarantineReason] = field(default_factory=set)


def _numbered(heard: Iterator[tuple[str, bytes]]) -> dict[str, bytes]:
    return {f"{number} {where}": what for number, (where, what) in enumerate(heard)}


def _drop(up: Cluster, words: Words) -> dict[bytes, str]:
    """Drop every file in the bucket; return what must not be heard of them."""
    dropped, needles = seeded(words)
    for one in dropped:
        blob = up.bucket.blob(one.name)
        blob.metadata = one.metadata
        blob.upload_from_string(one.content, content_type=one.content_type)
    return needles


def _bother(up: Cluster, words: Words) -> Iterator[tuple[str, bytes]]:
    """Send every deployable what it must refuse, and keep its answers."""
    for name, port in up.backing.services.items():
        for request in requests_to(name, words.at):
            yield f"answer of {name}", told(port, request)


def _disturb(overhearing: Overhearing, words: Words) -> None:
    """Publish on every topic what nobody can read."""
    for topic in overhearing.topics:
        word = words.at(f"message on {topic.rpartition('/')[2]}")
        overhearing.publish(topic, word.encode(), event_like(word))


def _has_ended(up: Cluster, submissions: int) -> Callable[[], bool]:
    """Return whether so many came, and nothing of theirs waits any more."""
    house = up.house

    def ended() -> bool:
        counts = house.register.counts(house.clock.now())
        gone = not list(up.bucket.list_blobs(max_results=1))
        waits = house.ledger.journal.tenants_waiting()
        return gone and counts.submissions >= submissions and not counts.in_flight and not waits

    return ended


def _reasons(up: Cluster) -> set[QuarantineReason]:
    return {record.reason for _, record in up.house.quarantine.list()}


def _unknown(quoting: Quoting) -> set[str]:
    return {place for what, place in quoting.raised if what == "unknown"}


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Heard:
    """Let everything happen that could leak, and listen everywhere."""
    base = tmp_path_factory.mktemp("leaks")
    words = Words()
    quoting = Quoting(base / "quoting", words.at)
    (base / "tmp").mkdir()
    (base / "inbox").mkdir()
    more = {**TALKATIVE, **quoting.environment, "TMPDIR": str(base / "tmp")}
    # A busy machine refuses many a push, and minutes of backoff would add up.
    with ExitStack() as stack:
        short_clocks(base, stack.enter_context(pytest.MonkeyPatch.context()))
        up = stack.enter_context(cluster(base / "data", base / "inbox", more=more))
        overhearing = Overhearing(up)
        needles = _drop(up, words)
        person = make_canaries(60)
        paper = canary_invoice(person, seed=60)
        (base / "inbox" / paper.name).write_bytes(paper.content)
        answers = _numbered(_bother(up, words))
        _disturb(overhearing, words)
        count = len(seeded(words)[0]) + sum(ACCEPTED in what[:20] for what in answers.values()) + 1
        wait_until(_has_ended(up, count), what="all has ended", within_s=PATIENCE_S * 3)
        needles |= words.needles()
        heard = Heard(needles, answers=answers)
        heard.messages = _numbered(overhearing.heard())
        overhearing.close()
        auditor = up.backing.services["ledger-api"]
        heard.answers |= {f"audit {n}": told(auditor, one) for n, one in enumerate(audits())}
        for name, port in up.backing.services.items():
            heard.figures[name] = told(port, wire("GET", "/metrics"))
        heard.processes = dict(of_processes(up))
        heard.objects = _numbered(of_objects(up))
        # What was no event is in nobody's count: it may still be on its way to quarantine.
        wait_until(lambda: _reasons(up) >= REASONS, what="what nobody can read is in quarantine")
        wait_until(lambda: _unknown(quoting) == set(PLACES), what="exceptions are raised")
        heard.reasons = _reasons(up)
        ended = drained(up)
        assert ended.code == 0, ended.stderr
    heard.raised = quoting.raised
    heard.output = {"stdout": ended.stdout, "stderr": ended.stderr}
    heard.files = {
        where: what
        for folder in ("data", "tmp")
        for where, what in of_files(base / folder)
        if where.removeprefix("file ") not in NOT_OURS
    }
    return heard


@pytest.mark.parametrize(
    "form",
    [
        bytes.lower,
        bytes.upper,
        lambda word: b"x" + base64.b64encode(b"..." + word + b".."),
        lambda word: b"xx" + base64.urlsafe_b64encode(b"." + word + b"?"),
        lambda word: b"0" + word.hex().upper().encode(),
        lambda word: quote(word).encode(),
        lambda word: quote_plus(word).encode(),
        lambda word: word.decode().encode("utf-16-be"),
        lambda word: word.decode().encode("utf-16"),
        lambda word: json.dumps({"line": f"\n{word.decode()}"}).encode(),
    ],
)
@pytest.mark.parametrize("word", ["Quillfeather", "Rosen quästchen"])
def test_what_leaks_is_found(form: Callable[[bytes], bytes], word: str, tmp_path: Path) -> None:
    """A search that finds nothing proves nothing: planted leaks are found, in every form."""
    needles = dict.fromkeys(forms_of(word.encode()), "planted")
    line = tmp_path / "logs" / "ocr.ndjson"
    line.parent.mkdir()
    line.write_bytes(b'{"op": "delivery.settled"}\n' * 1_000 + b'{"text":"' + form(word.encode()))
    (tmp_path / f"of {word}").write_bytes(b"")
    (tmp_path / "innocent").write_bytes(b"words" * 1_000)
    assert leaks(dict(of_files(tmp_path)), needles) == {
        "file logs/ocr.ndjson": {"planted"},
        f"file of {word}": {"planted"},
    }


def test_everything_that_could_leak_did_happen(heard: Heard) -> None:
    """Where nothing is said nothing can leak: exceptions were raised, and libraries did speak."""
    assert {place for what, place in heard.raised if what == "unknown"} == set(PLACES)
    assert any(what == "transient" for what, _ in heard.raised)
    assert any(what == "doomed" for what, _ in heard.raised)
    assert heard.reasons >= REASONS
    logs = {where: what for where, what in heard.files.items() if where.startswith("file logs/")}
    for name in ("entrance", "ingest", "ocr", "summarize", "ledger"):
        assert b'"library":"urllib3"' in logs[f"file logs/{name}.ndjson"], name
    for name in ("ingest-api", "ledger-api"):
        assert b'"library":"asyncio"' in logs[f"file logs/{name}.ndjson"], name
    statuses = {int(what.split(b" ")[1]) for what in heard.answers.values() if what}
    assert statuses >= REFUSALS | {200, 202, 204}
    assert len(heard.answers) > LEAST_ANSWERS
    assert len(heard.messages) > LEAST_MESSAGES
    assert len(heard.needles) > LEAST_NEEDLES


@pytest.mark.parametrize(
    "kind", ["answers", "messages", "figures", "processes", "objects", "output", "files"]
)
def test_nothing_of_what_was_handed_in_is_heard(heard: Heard, kind: str) -> None:
    """Answers, events, metrics, processes, object names; log lines, spans, books: every file."""
    where = getattr(heard, kind)
    assert where
    assert leaks(where, heard.needles) == {}
