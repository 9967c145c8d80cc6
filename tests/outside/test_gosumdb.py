from pathlib import Path

import pytest

from shared.tlog.proof import Proof
from tests.outside.gosumdb import GoVerifier, RefusedError
from tests.outside.publishing import Published, publish

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A log of three bundles and four checkpoints."""
    return publish(tmp_path_factory.mktemp("published"), (1, 256, 300, 600))


@pytest.mark.parametrize(
    "sizes",
    [(1,), (1, 2, 3), (255, 256, 257), (100, 600, 1024), (1, 511, 65_536, 65_537, 70_000)],
    ids=lambda sizes: str(sizes[-1]),
)
def test_gos_checksum_database_verifies_our_logs(
    go_verifier: GoVerifier, tmp_path: Path, sizes: tuple[int, ...]
) -> None:
    """Its checkpoint, each bundle and tile, growth from every checkpoint there was, and proofs."""
    log = publish(tmp_path, sizes)
    counted = go_verifier(log.key, log.folder, [*log.checkpoints, *log.proofs])
    assert counted["size"] == sizes[-1]
    assert counted["bundles"] == -(-sizes[-1] // 256)
    assert counted["tiles"] == sum(
        -(-(sizes[-1] >> 8 * level) // 256) for level in range(8) if sizes[-1] >> 8 * level
    )
    assert counted["consistent"] == len(log.checkpoints) >= len(sizes)
    assert counted["proofs"] == len(log.proofs)
    assert counted["included"] >= min(sizes[-1], 1000)


def test_a_proof_that_holds_its_entry_verifies(
    go_verifier: GoVerifier, published: Published, tmp_path: Path
) -> None:
    """As ``docledger proof`` prints it; another entry inside is refused."""
    (path, *_) = published.proofs
    proof = Proof.parse(path.read_text())
    held = tmp_path / "held.tlog-proof"
    held.write_text(str(proof.holding(published.leaves[proof.index])))
    assert go_verifier(published.key, published.folder, [held])["proofs"] == 1
    held.write_text(str(proof.holding(b"another")))
    with pytest.raises(RefusedError, match="holds another entry"):
        go_verifier(published.key, published.folder, [held])


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("checkpoint", "checkpoint"),
        ("tile/entries/001", "another root|ends within"),
        ("tile/entries/002.p/88", "another root|ends within"),
        ("tile/0/000", "tile/8/0/000 differs"),
        ("tile/0/002.p/88", "tile/8/0/002.p/88 differs"),
        ("tile/1/000.p/2", "tile/8/1/000.p/2 differs"),
    ],
)
def test_the_outsider_would_notice(
    go_verifier: GoVerifier, tmp_path: Path, file: str, told: str
) -> None:
    """A verifier that accepts anything would prove nothing about us."""
    log = publish(tmp_path, (600,))
    flip(log.folder / file, -8)
    with pytest.raises(RefusedError, match=told):
        go_verifier(log.key, log.folder)


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("256.checkpoint", "\n256\n", "\n255\n", "invalid signature"),
        ("300.tlog-proof", "index 300", "index 299", "invalid"),
        ("300.tlog-proof", "\n600\n", "\n601\n", "invalid signature"),
    ],
)
def test_the_outsider_would_notice_another_checkpoint_or_proof(
    go_verifier: GoVerifier,
    published: Published,
    tmp_path: Path,
    name: str,
    old: str,
    new: str,
    told: str,
) -> None:
    """One that was changed on its way."""
    (whole,) = (one for one in published.checkpoints + published.proofs if one.name == name)
    text = whole.read_text()
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new))
    with pytest.raises(RefusedError, match=told):
        go_verifier(published.key, published.folder, [tmp_path / name])


def flip(path: Path, place: int) -> None:
    """Flip one bit of a file."""
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)
