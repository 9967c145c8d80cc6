"""What the auditor API says of checkpoints whose key was closed below their size."""

import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.ledger.adapters.schema import JOURNAL
from shared.database.sqlite import open_sqlite
from shared.keys.settings import KmsSettings
from shared.tlog.checkpoint import Checkpoint, open_checkpoint
from shared.tlog.key_history import Closing
from tests.services.ledger.auditing import change_behind_its_back, keep, signer_of
from tests.services.ledger.auditor import Api
from tests.services.ledger.rotating import World

TENANT = "/v1/tenants/acme"
SIZES = (3, 5, 9)
CLOSED_AT = 4


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log whose first key signed three sizes, and was found to be stolen since the fourth."""
    tmp_path = tmp_path_factory.mktemp("closed")
    database = open_sqlite(tmp_path / "ledger.sqlite", JOURNAL)
    keep(tmp_path, database, "acme", SIZES)
    database.close()
    (tmp_path / "signers").mkdir()
    private = Ed25519PrivateKey.from_private_bytes(b"acme".ljust(32))
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "signers" / "acme.pem").write_bytes(pem)
    world = World(tmp_path, KmsSettings())
    published = open_checkpoint(world.reader.read("checkpoint").decode(), world.root).checkpoint
    world.intents.claim(published.size, published.root)
    world.rotation.rotate()
    world.rotation.close(world.root, why=Closing.COMPROMISED, size=CLOSED_AT)
    return tmp_path


@pytest.fixture
def changing(site: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(site, tmp_path / "site"))


@pytest.fixture
def api(site: Path) -> Api:
    """Give an API over it."""
    return Api(site)


def test_history_stays_readable_and_says_what_counts_no_more(api: Api) -> None:
    """One closed key must not take the history from auditors; who was shown 5 must find it."""
    answer = api.get(f"{TENANT}/checkpoints")
    assert answer.status == 200
    told = {one["size"]: one["key_closed"] for one in answer.json["checkpoints"]}
    assert told == {3: False, 5: True, 9: False}
    assert answer.json["checkpoints"][2]["note"].count("\n— ") == 2  # as it was signed again


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("checkpoints/5", ""),
        ("entries/0/proof", "size=5"),
        ("consistency", "from=5"),
        ("consistency", "from=3&to=5"),
    ],
)
def test_nothing_is_proved_under_a_key_that_was_closed(api: Api, path: str, query: str) -> None:
    """No verifier would take it; the log is not damaged for that, and nobody need be woken."""
    answer = api.get(f"{TENANT}/{path}", query=query)
    assert (answer.status, answer.code) == (410, "key_closed")
    assert not any("log.unreadable" in line for line in api.process.lines)


@pytest.mark.parametrize(
    ("path", "query"),
    [("checkpoints/3", ""), ("checkpoints/9", ""), ("entries/8/proof", "size=9"),
     ("entries/0/proof", "size=3"), ("consistency", "from=3")],
)  # fmt: skip
def test_what_counts_is_told_as_before(api: Api, path: str, query: str) -> None:
    """Up to the size at which the key was closed, and from where another has signed."""
    assert api.get(f"{TENANT}/{path}", query=query).status == 200


def test_a_log_that_only_a_closed_key_signed_says_so(changing: Path) -> None:
    """A sequencer or a thief published with it: an operator must act, and nothing is lost."""
    database = open_sqlite(changing / "ledger.sqlite", JOURNAL)
    with database.reading() as connection:
        note = connection.exec_driver_sql("SELECT note FROM checkpoints WHERE size = 9").scalar()
    database.close()
    (changing / "log" / "acme" / "checkpoint").write_text(str(note))
    api = Api(changing)
    for path in ("entries", "entries/0", "entries/0/proof", "checkpoints", "checkpoints/3"):
        answer = api.get(f"{TENANT}/{path}")
        assert (answer.status, answer.code) == (500, "log_unsigned")
    assert any("log.unreadable" in line for line in api.process.lines)
    assert api.get("/log/acme/checkpoint").body.decode() == note  # judge for yourself
    world = World(changing, KmsSettings())
    world.intents.claim(9, open_checkpoint(str(note), world.root).checkpoint.root)
    world.rotation.settle()
    assert api.get(f"{TENANT}/entries").status == 200


def test_what_a_thief_put_on_record_is_damage(changing: Path) -> None:
    """A closed key is no excuse for another history: what it signed is compared with the log."""
    thief = signer_of("acme")
    forged = thief.sign(Checkpoint(thief.key.name, 5, b"\x05" * 32))
    change_behind_its_back(changing, f"UPDATE checkpoints SET note = '{forged}' WHERE size = 5")
    answer = Api(changing).get(f"{TENANT}/checkpoints")
    assert (answer.status, answer.code) == (500, "log_damaged")
