"""The partner API: what was answered 202 is safe, and one submission stays one."""

import pytest

from services.ingest.api_main import build
from shared.events.ids import keyed_id
from shared.events.payloads import UploadArrived
from shared.logging import SilentLog
from shared.telemetry.reasons import RefusedReason
from shared.telemetry.registry import MemoryMetrics
from shared.worker import names
from tests.services.ingest.partners import ACME, CANARY, GLOBEX, PDF, Api
from tests.shared.api.asking import ask


@pytest.fixture
def api() -> Api:
    """Give an API with its ordinary limits."""
    return Api()


def test_document_becomes_an_upload_of_the_callers_tenant(api: Api) -> None:
    """202 is a promise: the bytes are sealed and announced, under the caller's tenant."""
    answer = api.post(PDF[:5], PDF[5:])
    job_id = answer.json["job_id"]
    assert answer.status == 202
    assert answer.headers["location"] == f"/v1/jobs/{job_id}"
    (event,) = api.bus.events
    assert (event.tenant, event.subject, event.jobid) == ("acme", job_id, job_id)
    assert isinstance(event.data, UploadArrived)
    assert event.data.entrance == "api"
    assert api.upload(event) == ("", PDF)


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("attachment; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.pdf", "naïve €.pdf"),
        ('attachment; filename="plain \\"name\\".pdf"', 'plain "name".pdf'),
        ("attachment; filename=a.pdf; filename*=utf-8'de'b.pdf", "b.pdf"),
        ("attachment; filename*=UTF-8''%0D%0Aset-cookie%3A%20x%00", "\r\nset-cookie: x\x00"),
        ("attachment", ""),
    ],
)
def test_file_name_travels_sealed_only(api: Api, disposition: str, name: str) -> None:
    """A person must find the document by its name again; nobody else may read it on the way."""
    assert api.post(PDF, headers=[("Content-Disposition", disposition)]).status == 202
    assert api.upload(api.bus.events[0]) == (name, PDF)
    assert "naïve" not in repr(api.bus.events)


@pytest.mark.parametrize(
    "disposition",
    [
        f"attachment; filename*=UTF-8''%ff{CANARY}",
        f"attachment; filename*=latin-1''{CANARY}",
        f"attachment; filename*=UTF-8''{CANARY}%2",
        f'attachment; filename="{CANARY}',
        f'attachment; filename="{CANARY}\xe4"',
        f"attachment; filename={CANARY} and more",
        f"attachment; filename={CANARY}; filename={CANARY}",
        f"attachment; filename={CANARY}\r\nset-cookie: x",
        f"; filename={CANARY}",
        "",
        "attachment" + "; a=b" * 5000,
    ],
    ids=range(11),
)
def test_unclear_file_name_is_refused(api: Api, disposition: str) -> None:
    """A guess would be another name than the sender's, and a repeated name a leak."""
    answer = api.post(PDF, headers=[("Content-Disposition", disposition)])
    assert (answer.status, answer.code) == (400, "malformed_file_name")
    assert CANARY.encode() not in answer.body
    assert not api.bus.events


def test_same_bytes_of_the_same_caller_are_the_same_job(api: Api) -> None:
    """A caller who got no answer sends it again, and must not hand the document in twice."""
    first, again = api.post(PDF), api.post(PDF)
    assert first.json == again.json
    assert api.post(PDF + b" other").json != first.json
    assert api.post(PDF, account=GLOBEX).json != first.json
    assert len({event.id for event in api.bus.events}) == 3


def test_same_key_is_the_same_job_and_another_key_another(api: Api) -> None:
    """The key is the caller's word for one submission, whatever the bytes hash to."""
    first = api.post(PDF, headers=[("Idempotency-Key", "a")])
    again = api.post(PDF, headers=[("Idempotency-Key", "a")])
    other = api.post(PDF, headers=[("Idempotency-Key", "b")])
    assert first.json == again.json != other.json


def test_key_for_other_bytes_is_refused_before_ingest_has_looked(api: Api) -> None:
    """Create-only storing would keep the first bytes: a 202 for the second would lose them."""
    api.post(PDF, headers=[("Idempotency-Key", "a")])
    answer = api.post(b"other", headers=[("Idempotency-Key", "a")])
    assert (answer.status, answer.code) == (422, "key_reused")


def test_key_for_other_bytes_is_refused_after_ingest_has_looked(api: Api) -> None:
    """The inbox may be empty by then; the register still knows what the key stands for."""
    job_id = api.post(PDF, headers=[("Idempotency-Key", "a")]).json["job_id"]
    api.accept(api.bus.events[0], PDF)
    api.objects.delete(names.inbox("acme", job_id))
    assert api.post(b"other", headers=[("Idempotency-Key", "a")]).code == "key_reused"
    assert api.post(PDF, headers=[("Idempotency-Key", "a")]).json["job_id"] == job_id
    assert len(api.bus.events) == 1


def test_key_of_one_caller_says_nothing_of_another(api: Api) -> None:
    """Two partners that count from 1 must not meet."""
    first = api.post(PDF, headers=[("Idempotency-Key", "1")])
    second = api.post(b"other", headers=[("Idempotency-Key", "1")], account=GLOBEX)
    assert first.status == second.status == 202
    assert first.json != second.json


def test_refused_job_is_not_taken_again(api: Api) -> None:
    """Bytes that were erased on request must not lie in the inbox again because of a retry."""
    job_id = api.post(PDF).json["job_id"]
    api.register.refuse(api.bus.events[0], RefusedReason.ERASED)
    api.objects.delete(names.inbox("acme", job_id))
    assert api.post(PDF).json["job_id"] == job_id
    assert api.objects.stat(names.inbox("acme", job_id)) is None
    assert api.job(job_id).json["status"] == "refused"
    assert api.job(job_id).json["reason"] == "erased"


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 256, "a\nb", CANARY + "\x00"])
def test_unclear_key_is_refused(api: Api, key: str) -> None:
    """A key that two programs write differently would be two submissions."""
    answer = api.post(PDF, headers=[("Idempotency-Key", key)])
    assert (answer.status, answer.code) == (400, "malformed_key")
    assert CANARY.encode() not in answer.body


@pytest.mark.parametrize("name", ["Idempotency-Key", "Content-Disposition", "Content-Length"])
def test_header_that_comes_twice_is_refused(api: Api, name: str) -> None:
    """Which of the two counts would differ from server to server."""
    answer = api.post(PDF, headers=[(name, "1"), (name, "2")])
    assert (answer.status, answer.code) == (400, "malformed_request")


def test_content_type_decides_nothing(api: Api) -> None:
    """The type is told by the bytes; a wrong header must neither help nor hurt."""
    for kind in ("application/json", "multipart/form-data", "text/html; charset=\x00", "x"):
        assert api.post(PDF, headers=[("Content-Type", kind)]).status == 202


def test_job_tells_what_became_of_it(api: Api) -> None:
    """The one question that a partner has, answered from arrival on."""
    job_id = api.post(PDF).json["job_id"]
    assert api.job(job_id).json == {"job_id": job_id, "status": "arrived"}
    document = api.accept(api.bus.events[0], PDF)
    told = api.job(job_id).json
    assert told["status"] == "accepted"
    assert told["document"] == {
        "document_id": document, "status": "in_flight", "stage": "ingest", "erased": False,
    }  # fmt: skip


def test_duplicate_names_the_first_job(api: Api) -> None:
    """Two keys, one file: the second points at the first."""
    first = api.post(PDF, headers=[("Idempotency-Key", "a")]).json["job_id"]
    second = api.post(PDF, headers=[("Idempotency-Key", "b")]).json["job_id"]
    for event in api.bus.events:
        api.accept(event, PDF)
    assert api.job(second).json["status"] == "duplicate"
    assert api.job(second).json["first_job"] == first


def test_other_tenants_job_looks_like_none(api: Api) -> None:
    """Before and after ingest has looked, nobody learns whether another's job exists."""
    job_id = api.post(PDF).json["job_id"]
    unknown = api.job(keyed_id(b"test", "nobody"), GLOBEX)
    arrived = api.job(job_id, GLOBEX)
    api.accept(api.bus.events[0], PDF)
    accepted = api.job(job_id, GLOBEX)
    assert unknown.status == arrived.status == accepted.status == 404
    assert unknown.body == arrived.body == accepted.body
    assert unknown.headers == arrived.headers == accepted.headers


@pytest.mark.parametrize("job_id", ["..", "a" * 39, "A" * 40, "a" * 41, "%2e%2e", CANARY, "é" * 40])
def test_what_is_no_job_is_not_found(api: Api, job_id: str) -> None:
    """What cannot be an id never becomes a name in the store."""
    answer = api.job(job_id)
    assert (answer.status, answer.code) == (404, "not_found")
    assert CANARY.encode() not in answer.body


def test_log_line_of_a_submission_leads_to_its_trace(api: Api) -> None:
    """An SRE goes from the request to the document by the job and the trace."""
    job_id = api.post(PDF).json["job_id"]
    (line,) = api.process.said
    assert line["job_id"] == job_id
    assert line["trace"] == api.bus.events[0].traceparent.split("-")[1]
    assert (line["operation"], line["size"]) == ("submit_document", len(PDF))
    assert not any(word in "".join(api.process.lines) for word in (ACME, CANARY, "acme"))


def test_built_api_takes_a_document_of_anybody_where_that_is_set(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a deployment builds from its settings must be the API that these tests attack."""
    monkeypatch.setenv("DOCLEDGER_UNSAFE_NO_API_AUTH", "true")
    monkeypatch.setenv("DOCLEDGER_INGEST_API_CALLERS", "anybody=acme")
    app = build(
        objects=api.objects,
        vault=api.vault,
        keyring=api.keyring,
        register=api.register,
        publisher=api.bus,
        log=SilentLog(),
        metrics=MemoryMetrics(),
        clock=api.clock,
    )
    assert ask(app, "GET", "/ready").json == {"code": "ok"}
    assert ask(app, "POST", "/v1/documents", parts=[PDF]).status == 202
    assert api.bus.events[0].tenant == "acme"
