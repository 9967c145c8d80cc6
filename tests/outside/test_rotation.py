"""Somebody else's verifier, which knows nothing of key histories, during a rotation and after."""

from pathlib import Path

import pytest

from shared.keys.settings import KmsSettings
from tests.outside.gosumdb import GoVerifier, RefusedError
from tests.services.ledger.rotating import TENANT, World

pytestmark = pytest.mark.integration


def test_go_accepts_either_key_during_the_overlap(go_verifier: GoVerifier, tmp_path: Path) -> None:
    """Two signatures of one name: the note format allows it, and both verifiers go on."""
    world = World(tmp_path, KmsSettings())
    world.grow(3)
    old, new = world.rotation.rotate().open
    log = tmp_path / "log" / TENANT
    for size in (3, 300):
        world.grow(size)
        assert go_verifier(old, log)["size"] == go_verifier(new, log)["size"] == size
    world.rotation.close(old)
    world.grow(600)
    assert go_verifier(new, log)["size"] == 600
    with pytest.raises(RefusedError, match="checkpoint"):
        go_verifier(old, log)
