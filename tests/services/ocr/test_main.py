"""The worker built as the house builds it, in memory, and its reader behind the sandbox port."""

import json
from collections.abc import Mapping

import pytest

from services.ocr.adapters.sandboxed import TASK, SandboxReader
from services.ocr.adapters.stored_ranges import StoredRanges
from services.ocr.canary import CANARY, sing
from services.ocr.main import build
from services.ocr.settings import OcrSettings
from shared.clock import FakeClock
from shared.errors import PermanentError
from shared.events.payloads import MediaType
from shared.events.results import Page, PageRange
from shared.keys.memory import MemoryKeyring
from shared.keys.vault import Vault
from shared.objects.memory import MemoryObjects
from shared.sandbox.inline import InlineSandbox
from shared.sandbox.port import JSON
from shared.worker.names import page_range
from shared.worker.results import pack

DOCUMENT = "d" * 40


def blank(first: int, last: int) -> PageRange:
    """Return blank pages."""
    pages = tuple(
        Page(number=n, width=1, height=1, engine="text_layer", words=())
        for n in range(first, last + 1)
    )
    return PageRange(first=first, last=last, pages=pages)


class Answers:
    """A sandbox whose child says what it is told to say."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Mapping[str, JSON]]] = []

    def run(self, task: str, content: bytes, parameters: Mapping[str, JSON]) -> bytes:
        """Say it."""
        assert content == CANARY
        self.asked.append((task, parameters))
        return self.answer


def test_the_built_worker_sings() -> None:
    """The canary goes the whole way through the models, and finds nothing on a blank page."""
    objects = MemoryObjects(FakeClock())
    ocr = build(vault=Vault(objects, MemoryKeyring()), objects=objects, sandbox=InlineSandbox())
    ocr.canary()
    ocr.close()


def test_stored_ranges_are_found_and_opened() -> None:
    """The names that the edge stores under are the names that are looked for."""
    objects, keyring = MemoryObjects(FakeClock()), MemoryKeyring()
    keyring.create_document_key(DOCUMENT)
    vault = Vault(objects, keyring)
    for first, last in ((1, 8), (9, 10)):
        vault.store(page_range(DOCUMENT, 0, first, last), DOCUMENT, pack((), blank(first, last)))
    vault.store(page_range(DOCUMENT, 1, 1, 3), DOCUMENT, pack((), blank(1, 3)))
    ranges = StoredRanges(vault, objects)
    assert sorted(ranges.stored(DOCUMENT, 0)) == [(1, 8), (9, 10)]
    assert ranges.open(DOCUMENT, 0, 9, 10) == blank(9, 10)


def test_the_sandbox_is_asked_for_the_range() -> None:
    """The child gets type and pages, and no more."""
    sandbox = Answers(blank(1, 1).model_dump_json().encode())
    sing(SandboxReader(sandbox))
    assert sandbox.asked == [(TASK, {"media_type": "image/png", "first": 1, "last": 1})]


@pytest.mark.parametrize("answer", [b"", b"{}", b"[]", b'{"first":1,"last":1,"pages":[{}]}'])
def test_an_answer_out_of_shape_is_the_documents_fault(answer: bytes) -> None:
    """The attack: foreign bytes that took the child over speak for it."""
    with pytest.raises(PermanentError, match="unreadable") as caught:
        SandboxReader(Answers(answer)).read(CANARY, MediaType.PNG, first=1, last=1)
    assert caught.value.__cause__ is None


def test_a_reader_that_sees_ghosts_does_not_sing() -> None:
    """A breaker must not close on a broken reader."""
    ghost = json.loads(blank(1, 1).model_dump_json())
    ghost["pages"][0]["words"] = [["ghost", [0, 0, 1, 1], 0.9, 0]]
    with pytest.raises(AssertionError, match="canary"):
        sing(SandboxReader(Answers(json.dumps(ghost).encode())))


def test_settings_bound_the_sandbox() -> None:
    """What a child may use is what the operator set."""
    settings = OcrSettings.from_environment({"DOCLEDGER_OCR_CPU_S": "7"})
    assert settings.sandbox().cpu_s == 7
    assert settings.pages_per_range == 8


def test_a_worker_with_its_own_sandbox_closes_it() -> None:
    """No child outlives the worker; none is started before it is needed."""
    objects = MemoryObjects(FakeClock())
    build(vault=Vault(objects, MemoryKeyring()), objects=objects).close()
