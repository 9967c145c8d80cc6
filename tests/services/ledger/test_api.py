"""The auditor API: what it shows is what can be proved, and nobody sees another tenant's."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from services.ledger.adapters.memory_intents import MemoryIntents
from services.ledger.adapters.public_files import DirectoryFiles
from services.ledger.adapters.published_folder import PublishedFolder
from services.ledger.api_log import PublishedLog
from services.ledger.entries import Posting
from services.ledger.leaf import leaf_bytes
from services.ledger.publication import Publication
from shared.errors import TransientError
from shared.events.ids import keyed_id
from shared.events.payloads import DocumentType, EntryKind
from shared.telemetry.apis import ApiOperation, ApiOutcome
from shared.telemetry.metrics import Metric
from shared.tlog.proof import verify_proof
from shared.tlog.reader import DirectoryReader
from shared.tlog.signer import Ed25519Signer
from shared.tlog.tiles import TILE_WIDTH, bundle_path, tile_path, tile_width
from shared.tlog.verify import verify_log
from tests.services.ledger.auditor import ACME, ALL, Api
from tests.shared.api.asking import ask, badge

SIZE = 600
LEAVES = [
    leaf_bytes(
        entry_id=keyed_id(b"test", "entry", number),
        kind=EntryKind.POST,
        revision=0,
        ordinal=0,
        commitment="ab" * 32,
        document_type=DocumentType.INVOICE,
        date=None,
        reason=None,
        postings=(Posting("6000", "EUR", number + 1), Posting("2000", "EUR", -number - 1)),
        settles=None,
        actor=None,
    )
    for number in range(SIZE)
]


def publish(folder: Path, tenant: str, leaves: list[bytes]) -> Ed25519Signer:
    """Publish a log as the sequencer does, one checkpoint before its end and one at its end."""
    signer = Ed25519Signer.open_or_create(
        folder / "signers" / f"{tenant}.pem", f"docledger.example/log/{tenant}"
    )
    files = DirectoryFiles.open(folder, tenant, signer.key)
    log = Publication(origin=signer.key.name, files=files, signer=signer, intents=MemoryIntents())
    log.extend(leaves[:300], first_index=0)
    log.extend(leaves[300:], first_index=min(300, len(leaves)))
    return signer


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Publish the logs of two tenants."""
    folder = tmp_path_factory.mktemp("site")
    publish(folder, "acme", LEAVES)
    publish(folder, "globex", LEAVES[:10])
    return folder


@pytest.fixture
def api(site: Path) -> Api:
    """Give an API over the published logs."""
    return Api(site)


def test_entries_are_told_as_their_leaves_say(api: Api) -> None:
    """An auditor must read exactly what the log proves, and no document's id."""
    page = api.get("/v1/tenants/acme/entries", query="since=5&limit=2").json
    assert page["tree_size"] == SIZE
    assert page["next"]
    assert [entry["index"] for entry in page["entries"]] == [5, 6]
    assert page["entries"][0]["id"] == keyed_id(b"test", "entry", 5)
    assert page["entries"][0]["postings"][0] == {
        "account": "6000", "amount": 6, "currency": "EUR", "scale": 2,
    }  # fmt: skip
    assert not any("document" in key for key in page["entries"][0])


def test_pages_follow_one_another_to_the_end(api: Api) -> None:
    """Whoever replays the books by pages must get every entry once."""
    assert api.indices("acme", "limit=256") == list(range(SIZE))


def test_page_beyond_the_end_is_empty(api: Api) -> None:
    """A reader who waits for more must be able to ask for it."""
    page = api.get("/v1/tenants/acme/entries", query=f"since={SIZE + 10**15}").json
    assert page == {"tree_size": SIZE, "entries": [], "next": None}


def test_proof_and_leaf_verify_without_the_api(api: Api, site: Path) -> None:
    """The two answers together are evidence that needs nobody's word."""
    entry = api.get("/v1/tenants/acme/entries/599").json
    proof = api.get("/v1/tenants/acme/entries/599/proof")
    assert proof.headers["content-type"] == "text/plain; charset=utf-8"
    key = PublishedFolder(site / "log").log_of("acme")
    assert key is not None
    leaf = base64.b64decode(entry["leaf"])
    assert leaf == LEAVES[599]
    assert verify_proof(proof.body.decode(), key.key, leaf=leaf).index == 599


def test_log_mirrored_over_http_verifies(api: Api, site: Path, tmp_path: Path) -> None:
    """Any C2SP client can take the whole log over HTTP and check it against the key alone."""
    paths = ["checkpoint"]
    for index in range(-(-SIZE // TILE_WIDTH)):
        paths.append(bundle_path(index, tile_width(SIZE, 0, index)))
        paths.append(tile_path(0, index, tile_width(SIZE, 0, index)))
    paths.append(tile_path(1, 0, tile_width(SIZE, 1, 0)))
    for path in paths:
        answer = api.get(f"/log/acme/{path}")
        assert answer.status == 200
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(answer.body)
    published = PublishedFolder(site / "log").log_of("acme")
    assert published is not None
    assert verify_log(DirectoryReader(tmp_path), published.key).size == SIZE


def test_files_of_the_log_travel_as_tlog_tiles_says(api: Api) -> None:
    """A cached checkpoint hides growth; a tile that is never cached costs a read each time."""
    checkpoint = api.get("/log/acme/checkpoint")
    assert checkpoint.headers["content-type"] == "text/plain; charset=utf-8"
    assert checkpoint.headers["cache-control"] == "private, no-cache"
    tile = api.get("/log/acme/tile/0/000")
    assert tile.headers["content-type"] == "application/octet-stream"
    assert "immutable" in tile.headers["cache-control"]
    assert len(tile.body) == 8192


def test_bundles_are_compressed_for_who_can_read_that(api: Api) -> None:
    """Entries are text: the specification asks for compression, the client decides."""
    plain = api.get("/log/acme/tile/entries/000")
    packed = api.get("/log/acme/tile/entries/000", **{"accept-encoding": "br, gzip;q=0.5"})
    refused = api.get("/log/acme/tile/entries/000", **{"accept-encoding": "gzip;q=0"})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body == refused.body
    assert plain.headers["vary"] == "Accept-Encoding"


ATTACKS = [
    "../signers/acme.pem",
    "../../signers/acme.pem",
    "tile/../../globex/checkpoint",
    "tile/0/../../../globex/checkpoint",
    "./checkpoint",
    "/checkpoint",
    "//etc/passwd",
    "/etc/passwd",
    "checkpoint/",
    "checkpoint\x00",
    "checkpoint\x00.txt",
    "checkpoint\n",
    "tile/0/000\n",
    "tile/0/000/",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/01",
    "tile/00/000",
    "tile/64/000",
    "tile/-1/000",
    "tile/0/x000/001",
    "tile/0/1",
    "tile/0/\u0660\u0660\u0660",
    "tile/entries/000%2f..",
    "tile%2f0%2f000",
    "%2e%2e/signers/acme.pem",
    "..\\signers\\acme.pem",
    ".checkpoint.new",
    "tile/0/.000.new",
    "tile",
    "tile/0",
    "",
    "x" * 100_000,
]


@pytest.mark.parametrize("path", ATTACKS, ids=range(len(ATTACKS)))
def test_no_other_path_reaches_a_file(api: Api, path: str) -> None:
    """The published folder lies beside the signing keys: only a log's own files may come out."""
    answer = api.get(f"/log/acme/{path}", ALL)
    assert (answer.status, answer.code) == (404, "not_found")


@pytest.mark.parametrize(
    "tenant", ["..", ".", "acme/..", "", "ACME", "acme\x00", "signers", "a" * 64]
)
def test_no_other_folder_is_a_tenant(api: Api, tenant: str) -> None:
    """Who may read every tenant may still read nothing but tenants."""
    for path in (f"/log/{tenant}/checkpoint", f"/v1/tenants/{tenant}/entries"):
        assert api.get(path, ALL).status == 404


def test_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    """Even if somebody plants a link among the tiles, what it leads to stays where it is."""
    publish(tmp_path, "acme", LEAVES[:300])
    secret = tmp_path / "signers" / "acme.pem"
    (tmp_path / "log" / "acme" / "tile" / "0" / "001").symlink_to(secret)
    (tmp_path / "log" / "acme" / "tile" / "2").symlink_to(secret.parent)
    api = Api(tmp_path)
    assert api.get("/log/acme/tile/0/001").status == 404
    assert api.get("/log/acme/tile/2/000").status == 404
    assert api.get("/log/acme/tile/0/000").status == 200


PATHS = [
    "/v1/tenants/{}/entries",
    "/v1/tenants/{}/entries/0",
    "/v1/tenants/{}/entries/0/proof",
    "/v1/tenants/{}/checkpoints",
    "/v1/tenants/{}/checkpoints/10",
    "/v1/tenants/{}/consistency",
    "/log/{}.keys",
    "/log/{}/checkpoint",
    "/log/{}/tile/0/000",
]
QUERIES = {
    "/v1/tenants/{}/entries": "kind=hold&status=open&sealed_after=2026-01-01T00:00:00Z",
    "/v1/tenants/{}/entries/0/proof": "size=10",
    "/v1/tenants/{}/consistency": "from=1&to=10",
}


@pytest.mark.parametrize("path", PATHS)
def test_other_tenant_looks_like_none(api: Api, path: str) -> None:
    """An auditor of one tenant must not even learn who the others are."""
    query = QUERIES.get(path, "")
    theirs = api.get(path.format("globex"), query=query)
    nobody = api.get(path.format("nobody"), query=query)
    assert theirs.status == nobody.status == 404
    assert theirs.body == nobody.body
    assert theirs.headers == nobody.headers


@pytest.mark.parametrize("path", PATHS)
def test_stranger_gets_nothing(api: Api, path: str) -> None:
    """Amounts and accounts are nobody else's business."""
    query = QUERIES.get(path, "")
    answer = api.get(path.format("acme"), None, query)
    assert (answer.status, answer.code) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    known = api.get(path.format("acme"), "someone@else.example", query)
    assert (known.status, known.code) == (403, "forbidden")


def test_keys_away_is_no_refusal(api: Api) -> None:
    """A caller who may be right must be told to come back, not to go away."""
    api.badges.away = True
    answer = api.get("/log/acme/checkpoint")
    assert (answer.status, answer.code) == (503, "authentication_undecided")
    assert answer.headers["retry-after"]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/tenants/acme/entries", "since=<script>canary</script>"),
        ("/v1/tenants/acme/entries", "since=-1"),
        ("/v1/tenants/acme/entries", "limit=0"),
        ("/v1/tenants/acme/entries", "limit=257"),
        ("/v1/tenants/acme/entries", "since=" + "9" * 5000),
        ("/v1/tenants/acme/entries/canary", ""),
        ("/v1/tenants/acme/entries/-1", ""),
        ("/v1/tenants/acme/entries/9223372036854775808/proof", ""),
    ],
)
def test_wrong_parameters_are_not_repeated(api: Api, path: str, query: str) -> None:
    """FastAPI's own error quotes what it was given; ours must say only what to do."""
    answer = api.get(path, query=query)
    assert (answer.status, answer.code) == (400, "malformed_request")
    assert b"canary" not in answer.body
    assert "canary" not in "".join(api.process.lines)


def test_entry_beyond_the_checkpoint_is_not_found(api: Api) -> None:
    """What no checkpoint covers is not sealed, so it is not told."""
    for path in (f"/v1/tenants/acme/entries/{SIZE}", f"/v1/tenants/acme/entries/{SIZE}/proof"):
        assert api.get(path).code == "not_found"


def test_log_without_a_checkpoint_has_no_entries(tmp_path: Path) -> None:
    """A tenant whose first entry waits for its seal is no error."""
    publish(tmp_path, "acme", [])
    api = Api(tmp_path)
    assert api.get("/v1/tenants/acme/entries").json["tree_size"] == 0
    assert api.get("/v1/tenants/acme/entries/0").code == "not_found"


def test_damaged_log_is_said_to_be(tmp_path: Path) -> None:
    """A log that does not verify must never look like an empty or a healthy one."""
    publish(tmp_path, "acme", LEAVES[:10])
    (tmp_path / "log" / "acme" / "checkpoint").write_text("docledger.example/log/acme\n9\n")
    api = Api(tmp_path)
    answer = api.get("/v1/tenants/acme/entries")
    assert (answer.status, answer.code) == (500, "log_damaged")
    assert api.process.said[0]["op"] == "log.unreadable"


def test_foreign_leaf_is_damage(tmp_path: Path) -> None:
    """An entry that we did not write must not be shown as one of ours."""
    publish(tmp_path, "acme", [json.dumps({"format": "other", "name": "canary"}).encode()])
    api = Api(tmp_path)
    answer = api.get("/v1/tenants/acme/entries")
    assert answer.code == "log_damaged"
    assert b"canary" not in answer.body


def test_unreadable_file_is_an_outage(tmp_path: Path) -> None:
    """A store that is away must be tried again, not believed to be empty."""
    publish(tmp_path, "acme", LEAVES[:10])
    checkpoint = tmp_path / "log" / "acme" / "checkpoint"
    checkpoint.unlink()
    checkpoint.symlink_to(checkpoint)
    answer = Api(tmp_path).get("/log/acme/checkpoint")
    assert (answer.status, answer.code) == (503, "unavailable")


def test_ready_says_whether_the_folder_can_be_read(tmp_path: Path) -> None:
    """A new site has no log yet; a file in the folder's place is a mistake somebody must see."""
    PublishedFolder(tmp_path / "log").check()
    (tmp_path / "log").write_text("not a folder")
    with pytest.raises(TransientError):
        PublishedFolder(tmp_path / "log").check()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_written(api: Api, method: str) -> None:
    """The auditor API reads; there is no path that changes anything."""
    answer = ask(api.app, method, "/v1/tenants/acme/entries", headers=[badge(ACME)])
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET"


def test_requests_are_counted_and_logged_by_operation(api: Api) -> None:
    """On-call needs to know what is slow or failing, and the log must not say whose data it was."""
    api.get("/v1/tenants/acme/entries")
    api.get("/v1/tenants/acme/entries/0/proof")
    api.get("/canary-path")
    lines = [(line["operation"], line["code"], line["status"]) for line in api.process.said]
    assert lines == [
        ("list_entries", "served", 200),
        ("prove_entry", "served", 200),
        ("no_operation", "not_found", 404),
    ]
    assert "acme" not in "".join(api.process.lines)
    operation, outcome = ApiOperation.LIST_ENTRIES, ApiOutcome.SERVED
    seen = api.process.metrics.value(Metric.API_SECONDS, operation=operation, outcome=outcome)
    assert seen == 1


UNTOUCHED: Any = object()  # whoever asks it anything fails


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_looked_for_that_is_none_of_the_callers_business(site: Path, path: str) -> None:
    """Looking first and refusing then would take longer for a tenant that exists."""
    folder = PublishedFolder(site / "log")
    asked: list[str] = []

    def logs(tenant: str) -> PublishedLog | None:
        asked.append(tenant)
        return folder.log_of(tenant)

    api = Api(site, UNTOUCHED, logs=logs)
    for tenant in ("globex", "nobody", "ACME", "acme2"):
        assert api.get(path.format(tenant), query=QUERIES.get(path, "")).code == "not_found"
    assert asked == []
    assert api.get(path.format("nobody"), ALL, QUERIES.get(path, "")).code == "not_found"
    assert asked == ["nobody"]
