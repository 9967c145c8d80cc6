"""Ports in front of which something may go wrong: before an effect and after it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from shared.objects.port import StoredObject
from tests.simulation.chaos import Chaos


class Port:
    """Stands in front of a port for one process; what is not wrapped is the port's own.

    Args:
        inner: the port.
        chaos: decides.
        who: the process.
    """

    def __init__(self, inner: object, chaos: Chaos, who: str) -> None:
        self.inner = inner
        self.chaos = chaos
        self.who = who

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def port(name: str, changing: Iterable[str], asking: Iterable[str]) -> type[Port]:
    """Return a port's stand-in.

    Args:
        name: of the port, in the schedule.
        changing: methods that change something: a moment before and one after.
        asking: methods that only ask: a moment before.
    """
    wrapped = {method: _changing(method, f"{name}.{method}") for method in changing}
    wrapped |= {method: _asking(method, f"{name}.{method}") for method in asking}
    return type(f"{name.capitalize()}Port", (Port,), wrapped)


def _changing(method: str, what: str) -> Callable[..., object]:
    before, after = f"before {what}", f"after {what}"

    def call(self: Port, *args: object, **named: object) -> object:
        self.chaos.point(self.who, before, may_fail=True)
        answer: object = getattr(self.inner, method)(*args, **named)
        self.chaos.point(self.who, after, may_fail=False)
        return answer

    return call


def _asking(method: str, what: str) -> Callable[..., object]:
    def call(self: Port, *args: object, **named: object) -> object:
        self.chaos.point(self.who, what, may_fail=True)
        answer: object = getattr(self.inner, method)(*args, **named)
        return answer

    return call


OBJECTS: Final = port("objects", ("create", "replace", "delete"), ("read", "stat", "list"))
KEYRING: Final = port(
    "keys", ("create_document_key", "destroy_document_key"), ("document_key", "tenant_key")
)
REGISTER: Final = port(
    "register",
    ("accept", "duplicate", "refuse", "expand", "apply", "postpone", "reserve"),
    ("submission", "document", "submissions", "documents", "unknown_jobs", "late", "counts"),
)
JOURNAL: Final = port(
    "journal",
    ("append", "append_many", "announce_again", "assign", "record_checkpoint", "mark_published"),
    (
        *("history", "trail", "open_holds", "tenants_waiting", "sequenced", "leaves"),
        *("checkpoints", "unpublished", "claim"),
    ),
)
INTENTS: Final = port("intents", ("claim", "keep_note"), ("get", "after"))
FILES: Final = port("log", ("create_all", "replace_larger"), ("read",))
SIGNER: Final = port("signer", (), ("sign",))


class BatchStore(OBJECTS):  # type: ignore[valid-type, misc] # made by a function
    """Objects for a batch of writes: a process may die when some of them are there."""

    def stamped(self, name: str, data: bytes) -> StoredObject:
        """Return the object that would be written."""
        stored: StoredObject = self.inner.stamped(name, data)
        return stored

    def create_all(self, objects: Sequence[StoredObject]) -> None:
        """Write all of them up to a name that was taken meanwhile.

        Raises:
            AlreadyExistsError: one was.
        """
        self.chaos.point(self.who, "before objects.create_all", may_fail=True)
        for one in objects:
            self.inner.create_stamped(one)
            self.chaos.point(self.who, "within objects.create_all", may_fail=False)
