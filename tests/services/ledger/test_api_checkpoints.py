"""Old checkpoints, proofs at any of them, consistency, and how the log's files are cached."""

import base64
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.ledger.adapters.journal_index import open_journal_index
from services.ledger.adapters.memory_intents import MemoryIntents
from services.ledger.adapters.public_files import DirectoryFiles
from services.ledger.adapters.schema import JOURNAL
from services.ledger.publication import Publication
from shared.database.sqlite import open_sqlite
from shared.tlog.checkpoint import open_checkpoint
from shared.tlog.key_history import Closing, KeyHistory
from shared.tlog.merkle import verify_consistency
from shared.tlog.note import VerifierKey
from shared.tlog.proof import verify_proof
from shared.tlog.signer import Ed25519Signer, JointSigner
from shared.tlog.tiles import bundle_path, tile_path, widths
from tests.services.ledger.auditing import (
    FIRST_SEAL,
    Audited,
    change_behind_its_back,
    keep,
    make_entry,
    signer_of,
)
from tests.services.ledger.auditor import Api

SIZES = (1, 3, 255, 256, 257, 600)
SIZE = SIZES[-1]
TENANT = "/v1/tenants/acme"


def publish(folder: Path, sizes: tuple[int, ...] = SIZES) -> Audited:
    """Publish a log with a checkpoint at each of these sizes."""
    database = open_sqlite(folder / "ledger.sqlite", JOURNAL)
    published = keep(folder, database, "acme", sizes)
    database.close()
    return published


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Publish a log with a history."""
    folder = tmp_path_factory.mktemp("history")
    publish(folder)
    return folder


@pytest.fixture
def api(site: Path) -> Api:
    """Give an API over it."""
    return Api(site)


@pytest.fixture(scope="module")
def key(site: Path) -> VerifierKey:
    """Return what an auditor was given by other means."""
    return VerifierKey.parse((site / "log" / "acme.vkey").read_text())


def test_history_is_told_page_by_page(api: Api, key: VerifierKey) -> None:
    """An auditor holds a new state against every state that was ever signed."""
    seen: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = api.get(f"{TENANT}/checkpoints", query=f"after={after}&limit=4").json
        seen += page["checkpoints"]
        after = page["next"]
    assert [one["size"] for one in seen] == list(SIZES)
    for turn, one in enumerate(seen):
        opened = open_checkpoint(one["note"], key).checkpoint
        assert (opened.size, opened.root) == (one["size"], base64.b64decode(one["root"]))
        at = dt.datetime.fromisoformat(one["recorded_at"])
        assert at == FIRST_SEAL + dt.timedelta(minutes=turn)


def test_one_checkpoint_is_told_by_its_size(api: Api) -> None:
    """A bundle of evidence names a size; its checkpoint must be found from that."""
    listed = api.get(f"{TENANT}/checkpoints").json["checkpoints"]
    assert [api.get(f"{TENANT}/checkpoints/{size}").json for size in SIZES] == listed
    for size in (0, 2, SIZE + 1):
        assert api.get(f"{TENANT}/checkpoints/{size}").code == "not_found"


@pytest.mark.parametrize("size", SIZES)
def test_entry_is_proved_at_every_size_with_a_checkpoint(
    api: Api, key: VerifierKey, size: int
) -> None:
    """Who keeps an old checkpoint wants the entry proved against that one."""
    for index in sorted({0, size // 2, size - 1}):
        proof = api.get(f"{TENANT}/entries/{index}/proof", query=f"size={size}")
        proven = verify_proof(proof.body.decode(), key, leaf=make_entry("acme", index).leaf)
        assert (proven.index, proven.checkpoint.size) == (index, size)
        assert "immutable" in proof.headers["cache-control"]


@pytest.mark.parametrize("query", [f"size={SIZE + 1}", "size=2", "size=257", "size=1"])
def test_entry_is_not_proved_where_it_was_not_yet(api: Api, query: str) -> None:
    """There is no proof at a size that was never signed, or before the entry was sealed."""
    assert api.get(f"{TENANT}/entries/400/proof", query=query).code == "not_found"


def test_later_log_begins_with_every_earlier_one(api: Api, key: VerifierKey) -> None:
    """This is what tells a log that grew from one that was written anew."""
    for earlier in SIZES:
        for later in (size for size in SIZES if size >= earlier):
            told = api.get(f"{TENANT}/consistency", query=f"from={earlier}&to={later}").json
            old = open_checkpoint(told["earlier"]["note"], key).checkpoint
            new = open_checkpoint(told["later"]["note"], key).checkpoint
            assert (old.size, new.size) == (earlier, later)
            hashes = [base64.b64decode(value) for value in told["hashes"]]
            verify_consistency(earlier, later, old.root, new.root, hashes)
    newest = api.get(f"{TENANT}/consistency", query="from=3").json
    assert newest["later"]["size"] == SIZE


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "malformed_request"),
        ("from=0", "malformed_request"),
        ("from=2", "not_found"),
        ("from=3&to=4", "not_found"),
        ("from=600&to=3", "not_found"),
        (f"from=3&to={10**18}", "not_found"),
    ],
)
def test_no_consistency_where_nothing_was_signed(api: Api, query: str, code: str) -> None:
    """A proof between sizes that nobody signed would prove nothing."""
    assert api.get(f"{TENANT}/consistency", query=query).code == code


@pytest.mark.parametrize("path", ["entries/0/proof", "checkpoints", "consistency"])
def test_misspelt_parameter_is_refused(api: Api, path: str) -> None:
    """A proof at another size than was asked for would be taken for the right one."""
    answer = api.get(f"{TENANT}/{path}", query="from=3&canary=7" if "cons" in path else "canary=7")
    assert (answer.status, answer.code) == (400, "malformed_request")


def test_checkpoint_that_is_not_on_record_yet_is_told(tmp_path: Path) -> None:
    """The log is published a moment before the journal writes it down."""
    publish(tmp_path, (5, 9))
    change_behind_its_back(tmp_path, "DELETE FROM checkpoints WHERE size = 9")
    api = Api(tmp_path)
    assert api.get(f"{TENANT}/checkpoints/9").json["recorded_at"] is None
    assert len(api.get(f"{TENANT}/checkpoints").json["checkpoints"]) == 1
    assert api.get(f"{TENANT}/consistency", query="from=5").json["later"]["size"] == 9


@pytest.mark.parametrize(
    "forgery",
    [
        "replace(note, char(10) || '3' || char(10), char(10) || '4' || char(10))",
        "(SELECT note FROM checkpoints WHERE size = 1)",
        "'docledger.example/log/acme'",
        "substr(note, 1, length(note) - 9) || 'AAAAAAA=' || char(10)",
    ],
)
def test_forged_history_is_not_told(tmp_path: Path, forgery: str) -> None:
    """A checkpoint that no key of the log signed must not come out under the log's name."""
    publish(tmp_path, (1, 3, 9))
    change_behind_its_back(tmp_path, f"UPDATE checkpoints SET note = {forgery} WHERE size = 3")
    api = Api(tmp_path)
    for path in ("checkpoints", "checkpoints/3", "consistency"):
        answer = api.get(f"{TENANT}/{path}", query="from=3" if path == "consistency" else "")
        assert (answer.status, answer.code) == (500, "log_damaged")
    assert api.get(f"{TENANT}/checkpoints/9").status == 200


def test_history_needs_the_journal_but_the_newest_does_not(site: Path, tmp_path: Path) -> None:
    """An outage must not look like a log without a past."""
    api = Api(site, open_journal_index(None, tmp_path / "none.sqlite"))
    assert api.get(f"{TENANT}/checkpoints").code == "unavailable"
    assert api.get(f"{TENANT}/entries/5/proof", query=f"size={SIZE}").status == 200


@pytest.mark.parametrize("position", [0, 1, 40, 8191])
@pytest.mark.parametrize("path", ["tile/0/000", "tile/entries/000", "tile/1/000.p/2"])
def test_flipped_byte_is_never_told(tmp_path: Path, path: str, position: int) -> None:
    """The API must not hand out what the checkpoint contradicts, wherever the damage lies."""
    publish(tmp_path, (600,))
    target = tmp_path / "log" / "acme" / path
    data = bytearray(target.read_bytes())
    data[position % len(data)] ^= 1
    target.write_bytes(data)
    answer = Api(tmp_path).get(f"{TENANT}/entries", query="limit=256")
    assert (answer.status, answer.code) == (500, "log_damaged")


@pytest.mark.parametrize("path", ["tile/0/000", "tile/entries/001", "tile/1/000.p/2"])
def test_lost_file_is_damage(tmp_path: Path, path: str) -> None:
    """A checkpoint promises its files: one that is gone must not look like an entry that is not."""
    publish(tmp_path, (600,))
    (tmp_path / "log" / "acme" / path).unlink()
    answer = Api(tmp_path).get(f"{TENANT}/entries", query="limit=256&since=200")
    assert (answer.status, answer.code) == (500, "log_damaged")


def test_files_of_every_size_with_a_checkpoint_are_served(api: Api) -> None:
    """A client that read an old checkpoint asks for the partial tiles of that size (tlog-tiles)."""
    for size in SIZES:
        for level in (0, 1):
            full, width = widths(size, level)
            if width:
                assert api.get(f"/log/acme/{tile_path(level, full, width)}").status == 200
                if level == 0:
                    assert api.get(f"/log/acme/{bundle_path(full, width)}").status == 200


@pytest.mark.parametrize(
    "path", ["checkpoint", "tile/0/000", "tile/entries/000", "tile/0/002.p/88"]
)
def test_file_is_not_sent_twice_to_who_has_it(api: Api, path: str) -> None:
    """A monitor asks for the checkpoint all day; most of the time nothing is new."""
    first = api.get(f"/log/acme/{path}")
    again = api.get(f"/log/acme/{path}", if_none_match=f'"other", W/{first.headers["etag"]}')
    assert (again.status, again.body) == (304, b"")
    for name in ("etag", "cache-control", "vary"):
        assert again.headers.get(name) == first.headers.get(name)
    assert api.get(f"/log/acme/{path}", if_none_match='"other"').status == 200
    assert api.get(f"/log/acme/{path}", if_none_match="*").status == 304


def test_compressed_bundle_has_a_tag_of_its_own(api: Api) -> None:
    """A cache that mixed the two up would hand compressed bytes to who cannot read them."""
    path = "/log/acme/tile/entries/000"
    plain, packed = api.get(path), api.get(path, accept_encoding="gzip")
    assert plain.headers["etag"] != packed.headers["etag"]
    crossed = api.get(path, accept_encoding="gzip", if_none_match=plain.headers["etag"])
    assert crossed.status == 200
    mine = api.get(path, accept_encoding="gzip", if_none_match=packed.headers["etag"])
    assert mine.status == 304


def test_missing_tile_is_not_remembered(api: Api) -> None:
    """A tile that is not there yet will be: a cached 404 would outlive it."""
    answer = api.get("/log/acme/tile/0/777")
    assert answer.status == 404
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers


@pytest.mark.parametrize(
    "path", ["/log/acme/checkpoint", "/log/acme/tile/0/000", f"{TENANT}/entries", "/", "/nowhere"]
)
def test_head_says_what_get_would(api: Api, path: str) -> None:
    """Mirrors ask for the length and the tag before they take a file."""
    asked, got = api.head(path), api.get(path)
    assert (asked.status, asked.headers, asked.body) == (got.status, got.headers, b"")


def test_log_goes_on_under_another_key(tmp_path: Path) -> None:
    """After a rotation the API must believe each key at its sizes, and hand the history on."""
    old = VerifierKey.parse(publish(tmp_path, (5,)).vkey)
    api = Api(tmp_path)
    assert api.get("/log/acme.keys").code == "not_found"
    assert api.get(f"{TENANT}/entries").json["tree_size"] == 5
    first = signer_of("acme")
    second = Ed25519Signer(old.name, Ed25519PrivateKey.generate())
    history = KeyHistory(old.name)
    said = history.adding(old, size=0)
    history = history.with_record(said, [first.endorse(said)])
    said = history.adding(second.key, size=5)
    history = history.with_record(said, [first.endorse(said), second.endorse(said)])
    said = history.closing(old, size=5, why=Closing.RETIRED)
    history = history.with_record(said, [second.endorse(said)])
    signer = JointSigner(history, [second])
    files = DirectoryFiles(tmp_path / "log" / "acme")
    intents, sealed = MemoryIntents(), open_checkpoint(files.read("checkpoint").decode(), old)
    intents.claim(5, sealed.checkpoint.root)
    intents.keep_note(5, sealed.note)
    log = Publication(origin=old.name, files=files, signer=signer, intents=intents)
    log.extend([make_entry("acme", number).leaf for number in range(5, 9)], first_index=5)
    assert api.get(f"{TENANT}/entries").code == "log_damaged"  # nobody endorsed the new key
    (tmp_path / "log" / "acme.keys").write_text(history.text)
    assert api.get("/log/acme.keys").body.decode() == history.text
    assert api.get(f"{TENANT}/entries").json["tree_size"] == 9
    proof = api.get(f"{TENANT}/entries/8/proof").body.decode()
    assert verify_proof(proof, history, leaf=make_entry("acme", 8).leaf).checkpoint.size == 9
    assert api.get(f"{TENANT}/consistency", query="from=5").json["later"]["size"] == 9


def test_key_history_that_does_not_hold_is_damage(tmp_path: Path) -> None:
    """A history that anybody could have written must not let anybody's key in."""
    publish(tmp_path, (5,))
    (tmp_path / "log" / "acme.keys").write_text("no history\n")
    assert Api(tmp_path).get(f"{TENANT}/entries").code == "log_damaged"
