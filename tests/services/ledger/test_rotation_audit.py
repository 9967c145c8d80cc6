"""An audit after a rotation: what was signed before is no damage, and damage is still found."""

from pathlib import Path

import pytest

from services.ledger.adapters.log_reader import PublishedLogs
from services.ledger.audit import _wrongly_sealed
from services.ledger.ports import SealedRow
from shared.keys.settings import KmsSettings
from shared.tlog.key_history import Closing
from shared.tlog.note import Note, Signature
from tests.services.ledger.rotating import TENANT, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A log whose first key was closed below what it had signed."""
    world = World(tmp_path, KmsSettings())
    world.grow(3)
    world.grow(5)
    world.rotation.rotate()
    world.grow(7)
    world.rotation.close(world.root, why=Closing.COMPROMISED, size=4)
    world.grow(9)
    return world


def rows_of(world: World) -> list[SealedRow]:
    """Return what was decided, and the same as recorded."""
    return [
        SealedRow(TENANT, one.size, one.root, one.note, recorded=recorded)
        for recorded in (False, True)
        for one in world.intents.after(0)
    ]


def wrong(world: World, rows: list[SealedRow]) -> list[SealedRow]:
    """Return what the audit finds."""
    logs = PublishedLogs(lambda _tenant: (world.reader, world.keys))
    return list(_wrongly_sealed(logs, TENANT, rows))


def test_what_a_closed_key_signed_is_no_damage(world: World) -> None:
    """The record of the size 5 is as it was written, though nobody need believe it any more."""
    assert len(rows_of(world)) == 8
    assert wrong(world, rows_of(world)) == []


def test_a_note_that_another_key_joined_is_the_one_that_was_decided(world: World) -> None:
    """The published checkpoint was signed again before it was recorded."""
    decided = world.intents.get(9)
    assert decided is not None
    world.rotation.rotate()
    joined = world.reader.read("checkpoint").decode()
    assert joined != decided.note
    row = SealedRow(TENANT, 9, decided.root, joined, recorded=True)
    assert wrong(world, [*rows_of(world)[:7], row]) == []


def test_a_lost_or_foreign_signature_is_damage(world: World) -> None:
    """One of two signatures still verifies: the changed one must be found all the same."""
    rows = rows_of(world)
    seven = rows[6]
    assert seven.note is not None
    note = Note.parse(seven.note)
    first, second = note.signatures
    foreign = Signature(first.name, b"\0\0\0\0", first.signature)
    for changed in ((first,), (second,), (foreign, second), (first, second, foreign)):
        row = SealedRow(TENANT, 7, seven.root, str(Note(note.text, changed)), recorded=True)
        assert row in wrong(world, [*rows[:6], row, rows[7]])
