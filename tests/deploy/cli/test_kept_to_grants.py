"""The commands of each job, looked up in the table of grants: whatever they ask for is granted.

Objects are asked for over HTTP. Keys and the log lie in the folder here; what is done with them is
noted as it would be asked of their buckets.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.iam.calls import load_calls
from deploy.iam.matrix import load_matrix
from services.ledger.adapters.public_files import DirectoryFiles
from shared.keys.files import FileKeyring
from shared.keys.stored import KeyFolder
from tests.deploy.cli.projects import Project, as_a_job, project, quarantined
from tests.deploy.conftest import Ran
from tests.infra.calls_of_storage import storage_call
from tests.infra.declared_calls import undeclared
from tests.infra.enforcing_rpc import Asked

__all__ = ["project"]

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

MATRIX: Final = load_matrix()
CALLS: Final = load_calls()

GET: Final = "storage.objects.get"
LIST: Final = "storage.objects.list"
CREATE: Final = "storage.objects.create"
DELETE: Final = "storage.objects.delete"
INSERT: Final = "storage.objects.insert"


class Heard:
    """What the commands of one identity asked for.

    Args:
        identity: as whom they run.
        project: on which they run.
        patch: what stands before keys and log.
    """

    def __init__(self, identity: str, project: Project, patch: pytest.MonkeyPatch) -> None:
        self._identity = identity
        self._project = project
        self._inside = False
        self._asked: set[Asked] = set()
        self._keys(patch)
        self._log(patch, project.docledger.data / "log")

    def run(self, *words: str) -> str:
        """Run a command; return what it printed."""
        before = {*self._project.api.objects}
        self._project.api.asked.clear()
        self._project.published.clear()
        told = self._project.docledger(*words)
        assert told.err == "" or told.code == 0, told.err
        for line in self._project.api.asked:
            method, _, path = line.partition(" ")
            call = storage_call(method, path, b'{"name": ""}')
            assert call is not None, line
            if call.method != INSERT:  # its name is in its body
                self._note(call.method, "bucket/objects", call.name, *call.permissions)
        for name in self._project.api.objects.keys() - before:
            self._note(INSERT, "bucket/objects", name, CREATE)
        for event in self._project.published:
            topic = f"topic/{event.type.value}"
            self._note("google.pubsub.v1.Publisher.Publish", topic, "", "pubsub.topics.publish")
        return told.out

    @property
    def denied(self) -> set[tuple[str, str, str]]:
        """What its identity was not granted: permission, resource, name."""
        return {
            (permission, one.resource, one.name)
            for one in self._asked
            for permission in one.permissions
            if not MATRIX.allows(self._identity, permission, one.resource, one.name)
        }

    @property
    def undeclared(self) -> set[Asked]:
        """What no line of infra/calls.yaml says of it."""
        return undeclared(self._asked, CALLS)

    def _note(self, method: str, resource: str, name: str, *permissions: str) -> None:
        self._asked.add(Asked(self._identity, method, permissions or (method,), resource, name))

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Tell whether this is the outermost call: what that does inside is its own affair."""
        outermost, self._inside = not self._inside, True
        try:
            yield outermost
        finally:
            self._inside = not outermost

    def _keys(self, patch: pytest.MonkeyPatch) -> None:
        asks: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
            "read": ((GET, ()),),
            "create": ((INSERT, (CREATE,)),),
            "replace": ((GET, ()), (INSERT, (CREATE, DELETE))),
            "destroy": ((DELETE, ()), (LIST, ())),
            "has": ((LIST, ()),),
            "names": ((LIST, ()),),
        }
        for method, calls in asks.items():
            patch.setattr(KeyFolder, method, self._noted(KeyFolder, method, calls))
        # Whose KEK is a file looks for a key that it opens; with Cloud KMS nobody does.
        patch.setattr(FileKeyring, "__init__", self._noted(FileKeyring, "__init__", ()))

    def _noted(
        self, cls: type, method: str, calls: tuple[tuple[str, tuple[str, ...]], ...]
    ) -> Callable[..., Any]:
        real = getattr(cls, method)

        def noted(this: Any, *args: Any) -> Any:
            with self._alone() as outermost:
                for call, permissions in calls if outermost else ():
                    name = f"keys/{args[0]}" if args else "keys/"
                    self._note(call, "bucket/wrapped", name, *permissions)
                result = real(this, *args)
                return iter(list(result)) if method == "names" else result

        return noted

    def _log(self, patch: pytest.MonkeyPatch, log: Path) -> None:
        read, create, replace = (
            getattr(DirectoryFiles, name) for name in ("read", "create_all", "replace_larger")
        )

        def place(this: DirectoryFiles, path: str) -> Path:
            return this._root / path

        def note(this: DirectoryFiles, path: str, method: str, *permissions: str) -> None:
            name = str(place(this, path).resolve().relative_to(log.resolve()))
            self._note(method, "bucket/log", name, *permissions)

        def reading(this: DirectoryFiles, path: str) -> Any:
            note(this, path, GET)
            return read(this, path)

        def creating(this: DirectoryFiles, files: Any) -> Any:
            for path, _ in files:
                note(this, path, GET)
                if not place(this, path).exists():
                    note(this, path, INSERT, CREATE)
            return create(this, files)

        def replacing(this: DirectoryFiles, path: str, data: bytes, **more: Any) -> Any:
            note(this, path, GET)
            there = place(this, path).exists()
            note(this, path, INSERT, CREATE, *([DELETE] if there else []))
            return replace(this, path, data, **more)

        patch.setattr(DirectoryFiles, "read", reading)
        patch.setattr(DirectoryFiles, "create_all", creating)
        patch.setattr(DirectoryFiles, "replace_larger", replacing)


@pytest.fixture
def heard(project: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Heard]:
    """Give what notes the commands of an identity, as a job runs them."""
    as_a_job(monkeypatch)
    return lambda identity: Heard(identity, project, monkeypatch)


def test_the_operators_commands_are_granted(heard: Callable[[str], Heard], ran: Ran) -> None:
    """Whoever is on call finds out at night what nobody granted by day."""
    operator = heard("operator")
    for words in (
        ("status",),
        ("trace", ran.row("invoice-once.pdf")["document_id"]),
        ("trace", ran.row("mail-with-attachments.eml")["document_id"]),
        ("trace", ran.row("mail-with-attachments.eml")["document_id"], "--format", "json"),
        ("audit",),
        ("quarantine", "list"),
        ("quarantine", "show", quarantined(ran)),
        ("quarantine", "replay", quarantined(ran)),
    ):
        assert operator.run(*words), words
    assert operator.denied == set()
    assert operator.undeclared == set()


def test_the_custodians_commands_are_granted(
    heard: Callable[[str], Heard], ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An erasure that stops half-way is one that was promised."""
    monkeypatch.setattr("deploy.cli.erase.PROJECT_WAIT_S", 0.0)
    eraser = heard("eraser")
    for name in ("invoice-once.pdf", "mail-with-attachments.eml"):
        assert "erased" in eraser.run("erase", ran.row(name)["document_id"], "--yes")
    assert eraser.denied == set()
    assert eraser.undeclared == set()


def test_the_keepers_commands_are_granted(heard: Callable[[str], Heard], project: Project) -> None:
    """A stolen key is exchanged now, or too late. Of the register its job knows nothing."""
    (project.docledger.data / "register.sqlite").unlink()
    keeper = heard("keeper")
    shown = keeper.run("keys", "show", "--format", "json")
    assert '"log": "default"' in shown
    assert "joins" in keeper.run("keys", "rotate")
    assert "is closed" in keeper.run("keys", "rollback")
    assert "wrapped" in keeper.run("keys", "rewrap", "--renew", "--destroy-old")
    assert keeper.denied == set()
    assert keeper.undeclared == set()


def test_a_command_in_anothers_job_is_noticed(heard: Callable[[str], Heard]) -> None:
    """Else what is above would find nothing, whatever was asked for."""
    operator = heard("operator")
    operator.run("keys", "rotate")
    assert (CREATE, "bucket/log", "default.keys") in operator.denied
