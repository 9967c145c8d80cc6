"""Every example through the bucket, the emulator and separate processes: as on one machine."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from google.api_core.exceptions import Forbidden

from deploy.iam.calls import load_calls
from deploy.iam.matrix import load_matrix
from deploy.local.house import DEFAULT_TENANT
from deploy.local.job_token import asked, start_job
from deploy.local.outcomes import Outcomes
from deploy.local.pubsub_site import JOBS
from deploy.local.site import Site
from examples.fixed import fixed_examples
from examples.generate import save_examples
from services.ingest.registered import SubmissionStatus, Terminal
from shared.errors import TransientError
from shared.events.codec import from_structured
from shared.events.payloads import EventType
from shared.secrets.port import SecretUnusableError
from shared.worker.job_tokens import HEADER
from tests.e2e.attacks import ATTACKS, KEYLESS
from tests.e2e.cluster import READY_S, Cluster, cluster, drained
from tests.e2e.commands import docledger
from tests.e2e.jobs import Jobs
from tests.e2e.joined import STAGES, assert_lines_in_spans, assert_one_trace_each
from tests.e2e.kept import SETTINGS, Reach, Run, kept_cluster
from tests.e2e.settled import Settled, settled
from tests.infra.declared_calls import undeclared
from tests.infra.enforcing import LOGS, grants_for
from tests.waiting import PATIENCE_S, wait_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.enable_socket,
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds every example."""
    folder = tmp_path_factory.mktemp("examples")
    save_examples(folder, fixed_examples())
    return folder


@pytest.fixture(scope="module")
def embedded(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Settled:
    """What comes of them on the embedded bus."""
    data = tmp_path_factory.mktemp("embedded") / "data"
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name in SETTINGS:
            monkeypatch.delenv(name, raising=False)
        ended = docledger(data, "run", folder, "--format", "json", within_s=PATIENCE_S * 3)
        assert ended.code == 0, ended.stderr
        return settled(data)


@pytest.fixture(scope="module")
def ended(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """All deployables, every example dropped in the bucket, and what came of them."""
    files = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    with kept_cluster(tmp_path_factory.mktemp("pubsub")) as kept:
        kept.up.upload({path.name: path.read_bytes() for path in files})
        kept.up.wait_for(len(files))
        found = settled(kept.up.data)
        yield Run(kept, found, set(kept.by.allowed), set(kept.by.denied))


@pytest.fixture(scope="module")
def up(ended: Run) -> Cluster:
    """The deployables, after that; tests decide and hand in more."""
    return ended.kept.up


@pytest.fixture(scope="module")
def vkey(up: Cluster) -> str:
    """The log's public key, which auditors have from elsewhere."""
    published = up.bucket.client.bucket(LOGS).blob(f"{DEFAULT_TENANT}.vkey").download_as_bytes()
    return str(published.decode().strip())


@pytest.fixture(scope="module")
def jobs(ended: Run, tmp_path_factory: pytest.TempPathFactory) -> Jobs:
    """What people start in that project."""
    return Jobs(ended.kept, tmp_path_factory.mktemp("jobs"))


def test_every_example_ends_as_on_the_embedded_bus(ended: Run, embedded: Settled) -> None:
    """The laptop is the cloud: same handlers, same readings, same entries."""
    found = ended.settled
    assert found.documents.keys() == embedded.documents.keys()
    for key, document in embedded.documents.items():
        assert found.documents[key][2] == document[2], "another reading of the same bytes"
    # Of a pair of the same invoice, the one that comes second is held.
    assert found.counted() == embedded.counted()
    assert (found.in_flight, found.unsealed, found.balanced) == (0, 0, True)
    assert found.leaves == embedded.leaves


def test_the_log_verifies_and_the_folder_has_no_key(up: Cluster, vkey: str) -> None:
    """What the deployables work with is where their settings say, and nowhere else."""
    log = f"{up.backing.url('ledger-api')}/log/{DEFAULT_TENANT}"
    told = up.asked("verify", log, "--key", vkey)
    assert told.code == 0, (told.stdout, told.stderr)
    site = Site(up.data)
    assert not site.log.exists()
    assert not site.keys.exists()
    assert [path.suffix for path in site.signers.iterdir()] == [".kms"]


def test_the_run_ended_within_everybodys_grants(ended: Run) -> None:
    """Least privilege that stops the work would be taken back at the first page of on-call."""
    assert ended.denied == set()
    who: dict[str, set[str]] = defaultdict(set)
    for one in ended.asked:
        who[one.resource].add(one.identity)
    takers = {"entrance", *STAGES}
    assert who["bucket/objects"] >= {*takers, "register"}
    assert who["bucket/wrapped"] == who["key/kek"] >= {*takers, "sequencer"}
    assert who["bucket/log"] == {"sequencer", "ledger-api"}
    assert who["ring/signers"] == {"sequencer"}
    assert who["secret/internal-event-token"] == {name for name, _ in JOBS}


def test_the_run_asked_for_what_is_declared_alone(ended: Run) -> None:
    """A call that no table knows is one that nobody weighed when the grants were written."""
    assert undeclared(ended.asked, load_calls()) == set()


def test_taking_a_used_grant_away_denies_what_the_run_asked(ended: Run) -> None:
    """What the run needed, it had from one grant alone: none stands in for another."""
    matrix = load_matrix()
    used = {grant for one in ended.asked for grant in grants_for(one, matrix)}
    assert {grant.identity for grant in used} >= {"entrance", *STAGES, "sequencer"}
    for grant in used:
        others = matrix.without(grant)
        assert not all(
            others.allows(one.identity, permission, one.resource, one.name)
            for one in ended.asked
            if one.identity == grant.identity
            for permission in one.permissions
        ), grant


@pytest.fixture
def reach(ended: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Reach]]:
    """Give what takes an identity over."""
    taken: list[Reach] = []

    def reached(identity: str) -> Reach:
        taken.append(Reach(ended.kept, identity, monkeypatch))
        return taken[-1]

    yield reached
    for one in taken:
        one.close()


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_deployable_is_denied_the_others_calls(
    attack: str, ended: Run, reach: Callable[[str], Reach]
) -> None:
    """Whoever takes over one worker has one worker, in the very project where the run ended."""
    identity, does = ATTACKS[attack]
    at = reach(identity)
    ended.kept.by.forget()
    with pytest.raises((TransientError, SecretUnusableError)) as told:
        does(at)
    assert isinstance(told.value.__cause__, Forbidden)
    assert {one.identity for one in ended.kept.by.denied} == {identity}


def test_a_write_without_its_key_is_refused(ended: Run, reach: Callable[[str], Reach]) -> None:
    """Who may write there may not write what the project's key does not lock."""
    by = ended.kept.by
    by.forget()
    for identity, writes in KEYLESS.items():
        at = reach(identity)
        with pytest.raises(TransientError):
            writes(at)
    assert by.denied == set()
    assert {(one.identity, one.resource) for one in by.keyless} == {
        ("ingest", "bucket/objects"),
        ("entrance", "bucket/wrapped"),
        ("sequencer", "bucket/log"),
    }


@pytest.mark.parametrize("identity", ["entrance", "ingest", "ocr", "summarize", "ledger", "eraser"])
def test_only_the_sequencer_may_tell_of_entries(
    identity: str, up: Cluster, reach: Callable[[str], Reach]
) -> None:
    """A worker that tells of an entry that nobody posted is believed by the register."""
    events = [from_structured(one.last_event) for one in up.house.register.documents()]
    posted = next(event for event in events if event.type is EventType.ENTRY_POSTED)
    with pytest.raises(TransientError, match="PERMISSION_DENIED"):
        reach(identity).publisher.publish([posted])


def test_what_was_taken_in_lies_in_the_bucket_no_more(up: Cluster) -> None:
    """Erasing a document must not leave its plain bytes where they were dropped."""
    wait_until(lambda: not list(up.bucket.list_blobs()), what="what was taken in is removed")


def test_each_document_has_one_connected_trace(up: Cluster) -> None:
    """One root, no orphan, every stage that the document went through."""
    assert_one_trace_each(up)


def test_the_logs_of_every_stage_are_joined_to_the_trace(up: Cluster) -> None:
    """Whoever finds a span finds what the worker said meanwhile, and the other way round."""
    assert_lines_in_spans(up)


def test_each_stage_is_a_process_of_its_own(up: Cluster) -> None:
    """Own process, own identity: none of them answers for another."""
    workers = {name: {one.pid for one in up.processes(name)} for name in STAGES}
    assert all(workers.values())
    pids = [pid for of_one in workers.values() for pid in of_one]
    assert len(pids) == len(set(pids))


def test_looking_at_documents_works_the_same_here(up: Cluster, folder: Path) -> None:
    """Whoever has a file at hand, or wonders what runs, need not know which bus it is."""
    told = up.asked("show", folder / "invoice-de-label-left.pdf")
    assert told.code == 0, told.stderr
    told = up.asked("status")
    assert told.code == 0, told.stderr
    for name in up.backing.services:
        assert name.encode() in told.stdout


def test_operators_look_after_documents_in_a_job(ended: Run, jobs: Jobs, vkey: str) -> None:
    """On call, with the rights of on-call: what runs, what waits, a way, the log, another try."""
    up, by = ended.kept.up, ended.kept.by
    by.forget()
    before = up.house.register.counts(up.house.clock.now())
    status, *_ = jobs.run("operator", "status", "--format", "json").lines
    assert status["quarantined"] == before.quarantined
    documents = up.house.register.documents()
    (posted, *_) = (one.document_id for one in documents if one.terminal is Terminal.POSTED)
    traced = jobs.run("operator", "trace", posted)
    for stage in ("entrance", *STAGES, "sequencer"):
        assert stage.encode() in traced.stdout
    assert b"verified" in jobs.run("operator", "verify", "--key", vkey).stdout
    (lost, *_) = (one.document_id for one in documents if one.terminal is Terminal.QUARANTINED)
    assert jobs.run("operator", "quarantine", "replay", lost).code == 0

    def given_up_again() -> bool:
        tries = [replayed for *_, replayed in up.house.quarantine.history(lost)]
        return sorted(tries) == [False, True]

    wait_until(given_up_again, what="the replay has ended as the first try", within_s=READY_S)
    assert (by.denied, undeclared(by.allowed, load_calls())) == (set(), set())


def test_the_same_bytes_again_are_a_duplicate(up: Cluster, folder: Path) -> None:
    """Whichever name they come under."""
    register = up.house.register
    before = len(register.submissions())
    content = (folder / "invoice-de-label-left.pdf").read_bytes()
    up.upload({"again/another name.pdf": content})
    up.wait_for(before + 1)
    last = register.submissions()[-1]
    assert last.status is SubmissionStatus.DUPLICATE


def test_a_hold_is_posted_by_hand_and_sealed(up: Cluster) -> None:
    """The sequencer that runs here covers what a person decides."""
    house = up.house
    wrong = next(
        document
        for document in house.register.documents()
        if document.reason is not None and document.reason.value == "total_mismatch"
    )
    summary = Outcomes(house, DEFAULT_TENANT).summary(wrong)
    assert summary is not None
    told = up.asked("held", "void", wrong.document_id)
    assert told.code == 0, told.stderr
    up.wait_for(0)
    history = house.ledger.journal.history(DEFAULT_TENANT, wrong.document_id)
    assert [booked.entry.kind.value for booked in history][-1] == "void"
    assert history[-1].index is not None


def test_smoke_posts_one_document_and_verifies_its_proof(up: Cluster, vkey: str) -> None:
    """What a release is tried by goes the way that documents go, and believes the key alone."""
    before = up.house.register.counts(up.house.clock.now()).submissions
    told = up.asked("smoke", "--key", vkey, "--format", "json")
    assert told.code == 0, (told.stdout, told.stderr)
    (evidence,) = told.lines
    assert evidence["verified"] is True
    assert "c2sp.org/tlog-proof@v1" in evidence["proof"]
    up.wait_for(before + 1)


def test_jobs_are_started_with_the_token_alone(up: Cluster) -> None:
    """The site makes one for its own jobs; nobody else on this machine has it."""
    token = Site(up.data).job_token
    assert token.stat().st_mode & 0o077 == 0
    for name, job in JOBS:
        for headers in ({}, {HEADER: "x" * 64}):
            assert asked(up.backing, name, "POST", f"/internal/jobs/{job}", headers) == 401
        # The site may be at it itself.
        assert start_job(up.backing, token, name, job) in {204, 429}
        assert all(token.read_text() not in line for line in up.logs(name))


@pytest.mark.last
def test_everything_is_accounted_for(ended: Run, jobs: Jobs) -> None:
    """A key joined the log's, a document was erased, each by whom it takes; the books stand."""
    up, by = ended.kept.up, ended.kept.by
    documents = [one for one in up.house.register.documents() if one.terminal is Terminal.POSTED]
    document = documents[0].document_id
    by.forget()
    assert jobs.run("operator", "erase", document, "--yes").code != 0
    assert {one.identity for one in by.denied} == {"operator"}
    assert up.house.keyring.document_key(document)
    by.forget()
    assert jobs.run("keeper", "keys", "rotate").code == 0
    (erased,) = jobs.run("eraser", "erase", document, "--yes", "--format", "json").lines
    assert (erased["document_id"], erased["key_gone"]) == (document, True)
    up.wait_for(0)  # the erasure is sealed, by both of the log's keys
    told = jobs.run("operator", "audit")
    assert told.code == 0, (told.stdout, told.stderr)
    assert (by.denied, undeclared(by.allowed, load_calls())) == (set(), set())


def test_an_interrupt_drains_everything(tmp_path: Path) -> None:
    """No process is left behind, and none had to be killed."""
    with cluster(tmp_path / "data") as up:
        tree = up.started.tree()
        ended = drained(up)
        assert ended.code == 0, ended.stderr
        assert tree
        wait_until(lambda: up.started.tree() == [], what="nothing is left")
        for name in STAGES:
            assert any('"worker.stopped"' in line for line in up.logs(name)), name
        told = up.asked("audit")
        assert told.code == 2
        assert b"not up" in told.stderr
