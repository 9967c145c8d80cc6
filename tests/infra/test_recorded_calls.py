"""What each adapter method really asks Google for, as local servers heard it, is what is declared.

Cloud Storage's is recorded while the contract suite of object stores runs; the others' methods ask
one thing each.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from google.pubsub_v1.types import PublishRequest, PublishResponse

from deploy.iam.calls import load_calls
from services.ingest.adapters.uploads import GcsUploads
from services.ingest.ports import Dropped
from shared.bus.pubsub import PubsubPublisher
from shared.clock import FakeClock
from shared.events.envelope import Event, make_event
from shared.events.payloads import DocumentErased
from shared.keys.kms_connection import KmsConnection
from shared.keys.kms_kek import KmsKek
from shared.keys.kms_signer import KmsSigner, new_version, public_key, version_of
from shared.objects.gcs import GcsObjects
from shared.objects.gcs_connection import EMULATOR, GcsConnection
from shared.objects.gcs_versions import GcsVersions
from shared.objects.port import NotFoundError
from shared.secrets.secret_manager import SecretManagerSecrets
from shared.telemetry.cloud_trace import read_cloud_trace
from shared.telemetry.gcp import cloud_trace
from shared.telemetry.spans import SpanName
from shared.telemetry.tracing import Tracing
from shared.tlog.checkpoint import Checkpoint
from tests.emulators.cloudtrace import PROJECT, TraceServer, trace_server
from tests.emulators.kms import KEK, RING, KmsServer, kms_server
from tests.emulators.secrets import SecretServer, secret_server
from tests.infra.calls_of_storage import storage_call
from tests.shared.bus.served import serving
from tests.shared.objects import test_contract as contract
from tests.shared.objects.json_api import BUCKET, Fault, JsonApi

__all__ = ["kms_server", "secret_server", "trace_server"]

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

METHODS: Final = load_calls().methods
KMS: Final = "google.cloud.kms.v1.KeyManagementService"
SECRETS: Final = "google.cloud.secretmanager.v1.SecretManagerService"
ORIGIN: Final = "log.example/default"

Recorded = dict[str, set[str]]


def _declared(*names: str) -> Recorded:
    return {name: set(METHODS[name].calls) for name in names}


class _Recorder:
    """Says which method of an adapter made which of the server's calls."""

    def __init__(self, api: JsonApi) -> None:
        self._api = api
        self.heard: Recorded = {}

    def note(self, name: str, done: Callable[[], Any]) -> Any:
        """Do something in the name of a method."""
        self._api.asked.clear()
        try:
            return done()
        finally:
            for line in self._api.asked:
                method, _, path = line.partition(" ")
                call = storage_call(method, path, b'{"name": ""}')
                if call is not None:
                    self.heard.setdefault(name, set()).add(call.method)


class _Noted(GcsObjects):
    """The adapter itself; each call from outside is noted, and what it calls of its own is its."""

    def __init__(self, recorder: _Recorder) -> None:
        super().__init__(BUCKET, connection=GcsConnection(lenient=False))
        self._recorder = recorder
        self._inside = False

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name.startswith("_") or not callable(found) or self._inside:
            return found

        def noted(*args: Any, **kwargs: Any) -> Any:
            self._inside = True
            try:
                return self._recorder.note(
                    f"GcsObjects.{name}", lambda: _whole(found(*args, **kwargs))
                )
            finally:
                self._inside = False

        return noted


def _whole(result: Any) -> Any:
    """Have a listing finish while its method is noted."""
    return iter(list(result)) if isinstance(result, Iterator) else result


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Recorder]:
    """Give what listens to a server that speaks Cloud Storage's API."""
    api = JsonApi(FakeClock())
    with api.serving() as url:
        monkeypatch.setenv(EMULATOR, url)
        yield _Recorder(api)


def _clauses() -> Iterator[Callable[..., None]]:
    """Return the clauses of the contract that need a store and a clock, and no threads."""
    for name, clause in vars(contract).items():
        if not name.startswith("test_") or hasattr(clause, "pytestmark"):
            continue
        wanted = {*inspect.signature(clause).parameters}
        if "store" in wanted <= {"store", "clock"} and "hread" not in inspect.getsource(clause):
            yield clause


def test_the_object_stores_calls_are_the_declared_ones(recorder: _Recorder) -> None:
    """The contract suite, an answer that got lost on each kind of write, and nothing else."""
    api = recorder._api
    clauses = list(_clauses())
    assert len(clauses) > 10, "the suite was moved, and nothing is recorded"
    for clause in clauses:
        api.objects.clear()
        given = {"store": _Noted(recorder), "clock": api.clock}
        clause(**{name: given[name] for name in inspect.signature(clause).parameters})
    store = _Noted(recorder)
    api.faults.append(Fault.STORE_THEN_503)
    info = store.create("lost", b"1")
    api.faults.append(Fault.STORE_THEN_503)
    store.replace("lost", b"2", generation=info.generation)
    # The first time, it looks whether the bucket is there.
    _Noted(recorder).delete("nothing")
    _Noted(recorder).stat("nothing")
    with pytest.raises(NotFoundError):
        _Noted(recorder).read("nothing")
    assert recorder.heard == _declared(
        *(f"GcsObjects.{name}" for name in ("create", "replace", "read", "stat", "delete", "list"))
    )


def test_the_other_stores_calls_are_the_declared_ones(recorder: _Recorder) -> None:
    """Uploads and generations."""
    store = GcsObjects(BUCKET, connection=GcsConnection(lenient=False))
    info = store.create("a", b"content")
    uploads, versions = GcsUploads(GcsConnection(lenient=False)), GcsVersions(BUCKET)
    dropped = Dropped(BUCKET, "a", info.generation, info.size, info.updated)
    recorder.note("GcsUploads.list", lambda: list(uploads.list(BUCKET)))
    recorder.note("GcsUploads.open", lambda: uploads.open(dropped, most_bytes=9))
    recorder.note("GcsUploads.delete", lambda: uploads.delete(dropped))
    store.create("a", b"content")
    recorder.note("GcsVersions.purge", lambda: versions.purge("a"))
    recorder.note("GcsVersions.keeping", versions.keeping)
    assert recorder.heard == _declared(*recorder.heard)
    assert len(recorder.heard) == len({"list", "open", "delete", "purge", "keeping"})


def test_keys_calls_are_the_declared_ones(kms_server: KmsServer) -> None:
    """A worker that only unwraps must not need the right to wrap."""
    connection = KmsConnection(emulator=kms_server.address)
    kek = KmsKek(connection, KEK)
    version = f"{kms_server.create_signer('default')}/cryptoKeyVersions/1"
    heard: Recorded = {}

    def note(name: str, done: Callable[[], Any]) -> Any:
        kms_server.calls.clear()
        result = done()
        heard[name] = {f"{KMS}.{method}" for method, _ in kms_server.calls}
        assert all(resource.startswith(RING) for _, resource in kms_server.calls)
        return result

    wrapped = note("KmsKek.wrap", lambda: kek.wrap(bytes(32), owner="d", name="keys/d"))
    note("KmsKek.unwrap", lambda: kek.unwrap(wrapped, owner="d", name="keys/d"))
    key = note("public_key", lambda: public_key(connection, version, ORIGIN))
    crypto_key = version.partition("/cryptoKeyVersions/")[0]
    assert note("version_of", lambda: version_of(connection, crypto_key, key)) == version
    signer = KmsSigner(connection, version, key)
    note("KmsSigner.sign", lambda: signer.sign(Checkpoint(ORIGIN, 1, bytes(32))))
    note("new_version", lambda: new_version(connection, crypto_key))
    older = note("KmsKek.newest", kek.newest)
    note("KmsKek.renew", kek.renew)
    assert older in note("KmsKek.versions", kek.versions)
    note("KmsKek.destroy", lambda: kek.destroy(older))
    connection.close()
    assert heard == _declared(*heard)


def test_a_secrets_calls_are_the_declared_ones(secret_server: SecretServer) -> None:
    """Reading a version needs neither the list of versions nor the secret itself."""
    version = secret_server.add(b"0123456789abcdef")
    reader = SecretManagerSecrets(emulator=secret_server.address)
    reader.read(version)
    reader.close()
    heard = {f"{SECRETS}.{method}" for method, _ in secret_server.calls}
    assert {"SecretManagerSecrets.read": heard} == _declared("SecretManagerSecrets.read")


@pytest.mark.filterwarnings("ignore:Deprecated since version:DeprecationWarning")  # Google's
def test_traces_calls_are_the_declared_ones(trace_server: TraceServer) -> None:
    """Workers write spans and read none; who reads them writes none."""
    heard: Recorded = {}

    def note(name: str, done: Callable[[], Any]) -> Any:
        trace_server.calls.clear()
        result = done()
        heard[name] = {method for method, _ in trace_server.calls}
        assert {resource for _, resource in trace_server.calls} == {f"projects/{PROJECT}"}
        return result

    def write() -> None:
        tracing = Tracing(cloud_trace(PROJECT), "ocr")
        with tracing.root(SpanName.SUBMIT, traceparent=tracing.origin("1" * 40)):
            pass
        tracing.close()

    note("cloud_trace", write)
    (span,) = note("read_cloud_trace", lambda: read_cloud_trace(PROJECT, "1" * 32))
    assert span.service == "ocr"
    assert heard == _declared(*heard)


def _event() -> Event:
    return make_event(
        DocumentErased(document_id="0" * 40, revision=0),
        tenant_key=bytes(32),
        tenant="default",
        source="eraser",
        subject="0" * 40,
        jobid="1" * 40,
        traceparent=f"00-{'1' * 32}-{'2' * 16}-01",
        time=FakeClock().now(),
    )


def test_publishing_is_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever publishes need not see the topic: a topic that is not there answers by itself."""
    service, asked = "google.pubsub.v1.Publisher", list[str]()

    def answer(request: PublishRequest) -> PublishResponse:
        asked.append(request.topic)
        return PublishResponse(message_ids=["1"] * len(request.messages))

    with serving(service, {"Publish": (answer, PublishRequest, PublishResponse)}) as host:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", host)
        publisher = PubsubPublisher("p")
        publisher.publish([_event()])
        publisher.close()
    assert asked == ["projects/p/topics/docledger.document.erased.v1"]
    assert _declared("PubsubPublisher.publish") == {
        "PubsubPublisher.publish": {f"{service}.Publish"}
    }
