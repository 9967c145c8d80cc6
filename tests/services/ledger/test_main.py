"""main.py wires the ledger on a data folder: the same parts, on disk."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from services.ledger.leaf import LeafTooLargeError, leaf_bytes, read_leaf
from services.ledger.main import build
from services.ledger.settings import LedgerSettings
from shared.clock import FakeClock
from shared.events.payloads import DocumentErased, EntryKind
from shared.keys.memory import MemoryKeyring
from shared.keys.vault import Vault
from shared.objects.port import NotFoundError
from shared.settings import SettingsError
from shared.tlog.note import VerifierKey
from shared.tlog.reader import DirectoryReader, read_checkpoint
from shared.worker.results import Results, pack
from tests.services.ledger.conftest import TENANT, FakePublisher, House, a_summary, document


def test_a_document_becomes_a_sealed_entry_on_disk(
    tmp_path: Path, memory_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole story through build(): handle, step, verify with the public key alone."""
    keyring, publisher = MemoryKeyring(), FakePublisher()
    event = memory_house.arrives("a", a_summary())
    keyring.create_document_key(document("a"))
    vault = Vault(None, keyring)  # type: ignore[arg-type] # nothing but open() is used
    stored = pack((), a_summary())
    known = set(memory_house.summaries.stored)

    def opened(source: object) -> bytes:
        name = source if isinstance(source, str) else source.name  # type: ignore[attr-defined]
        if name not in known:
            raise NotFoundError
        return stored

    monkeypatch.setattr(vault, "open", opened)
    ledger = build(
        data_dir=tmp_path,
        results=Results(vault),
        keyring=keyring,
        publisher=publisher,
        clock=FakeClock(),
        holder="test",
    )
    ledger.handle(event)
    assert ledger.sequencer.step() == 2
    assert [told.subject for told in publisher.events] == [document("a")]
    assert ledger.audit() == []
    [booked] = ledger.journal.entries(TENANT)
    assert ledger.names(booked.entry).supplier == "Müller GmbH"
    ledger.handle(replace(event, data=DocumentErased(document_id=document("a"))))
    ledger.sequencer.step()
    key = VerifierKey.parse((tmp_path / "log" / f"{TENANT}.vkey").read_text(encoding="utf-8"))
    assert key.name == f"docledger.example/log/{TENANT}"
    reader = DirectoryReader(tmp_path / "log" / TENANT)
    assert read_checkpoint(reader, key).checkpoint.size == 2
    assert (tmp_path / "ledger.sqlite").exists()


def test_importing_main_does_no_io(tmp_path: Path) -> None:
    """A launcher imports every worker; none may touch the disk or the network for that."""
    code = "import services.ledger.main, os; print(os.listdir('.'))"
    root = Path(__file__).parents[3]
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "[]\n"


@pytest.mark.parametrize(
    "wrong", [{"DOCLEDGER_LEDGER_ORIGIN": "https://x/log"}, {"DOCLEDGER_LEDGER_BATCH": "0"}]
)
def test_wrong_settings_are_refused(wrong: dict[str, str]) -> None:
    """A log's name is a schema-less URL; a batch has at least one entry."""
    with pytest.raises(SettingsError):
        LedgerSettings.from_environment(wrong)


def test_a_leaf_that_fits_no_bundle_is_refused() -> None:
    """C2SP bundles give a leaf's length in 16 bits."""
    with pytest.raises(LeafTooLargeError):
        leaf_bytes(
            entry_id="a" * 70_000,
            kind=EntryKind.MEMO,
            revision=0,
            ordinal=0,
            commitment="",
            document_type=None,
            date=None,
            reason=None,
            postings=(),
            settles=None,
            actor=None,
        )


def test_a_leaf_is_canonical_json() -> None:
    """RFC 8785: sorted keys, no spaces; two implementations make the same bytes."""
    leaf = leaf_bytes(
        entry_id="a",
        kind=EntryKind.MEMO,
        revision=0,
        ordinal=0,
        commitment="c",
        document_type=None,
        date=None,
        reason=None,
        postings=(),
        settles=None,
        actor=None,
    )
    assert leaf == (
        b'{"commitment":"c","format":"docledger.entry.v1","id":"a","kind":"memo",'
        b'"ordinal":0,"revision":0}'
    )
    assert read_leaf(b"[]") == {}
