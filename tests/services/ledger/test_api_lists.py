"""Lists of entries: what a filter says is what is told, page by page, whatever the store."""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.ledger.adapters.grants import AUDITOR
from services.ledger.adapters.journal_index import open_journal_index
from services.ledger.adapters.schema import JOURNAL
from services.ledger.api_filters import Cursor, ListQuery
from services.ledger.entries import Entry
from shared.database.database import Database
from shared.database.postgres import connect
from shared.database.sqlite import open_sqlite
from shared.events.payloads import EntryKind
from tests.services.ledger.auditing import (
    CYCLE,
    FIRST_SEAL,
    change_behind_its_back,
    keep,
    make_entry,
)
from tests.services.ledger.auditor import ALL, Api
from tests.services.ledger.postgres_journals import LOGINS, OWNER, JournalTemplate

SIZES = (40, 260, 260 + CYCLE, 300)
SIZE = SIZES[-1]
ENTRIES = [make_entry("acme", number) for number in range(SIZE)]
LIST = "/v1/tenants/acme/entries"


def fill(folder: Path, database: Database) -> None:
    """Publish two tenants' logs out of one journal."""
    keep(folder, database, "acme", SIZES)
    keep(folder, database, "globex", (25,), first_seq=10_000)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Publish logs over a journal on SQLite."""
    folder = tmp_path_factory.mktemp("lists")
    database = open_sqlite(folder / "ledger.sqlite", JOURNAL)
    fill(folder, database)
    database.close()
    return folder


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, journal_template: JournalTemplate
) -> Iterator[Api]:
    """Give an API over a journal on PostgreSQL, as the login that the auditor API has there."""
    folder = tmp_path_factory.mktemp("served")
    with journal_template.copied() as database:
        owner = connect(database.url(OWNER), JOURNAL)
        fill(folder, owner)
        owner.close()
        index = open_journal_index(database.url(LOGINS[AUDITOR]), folder / "none")
        yield Api(folder, index)
        index.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def api(request: pytest.FixtureRequest, site: Path) -> Api:
    """Give an API over each store."""
    found: Api = Api(site) if request.param == "sqlite" else request.getfixturevalue("served")
    return found


def settling(entry: Entry, size: int = SIZE) -> EntryKind | None:
    """Return the kind of the entry that settles another, below a size."""
    found = [other.kind for other in ENTRIES[:size] if other.settles == entry.entry_id]
    return found[0] if found else None


def has(entry: Entry, **wanted: Any) -> bool:
    """Tell whether one posting has all of that."""
    return any(
        all(getattr(posting, name) == value for name, value in wanted.items())
        for posting in entry.postings
    )


def sealed(minutes: int) -> str:
    """Return when the checkpoint with that number was recorded."""
    moment = FIRST_SEAL + dt.timedelta(minutes=minutes)
    return moment.isoformat().replace("+00:00", "Z")


FILTERS: list[tuple[str, Callable[[Entry], bool]]] = [
    ("kind=hold", lambda e: e.kind is EntryKind.HOLD),
    ("kind=fx", lambda _: False),
    ("type=receipt", lambda e: e.document_type == "receipt"),
    ("account=6007", lambda e: has(e, account="6007")),
    ("account=2000&currency=JPY", lambda e: has(e, account="2000", currency="JPY")),
    ("currency=CHF", lambda _: False),
    ("min_amount=200&max_amount=250", lambda e: any(200 <= p.amount <= 250 for p in e.postings)),
    ("max_amount=-350", lambda e: any(p.amount <= -350 for p in e.postings)),
    ("account=2000&min_amount=0", lambda _: False),  # of the same posting, not of two
    ("from=2026-02-01&to=2026-02-03", lambda e: "2026-02-01" <= str(e.date) <= "2026-02-03"),
    ("to=2026-01-02&kind=post", lambda e: e.kind == "post" and str(e.date) <= "2026-01-02"),
    ("status=open", lambda e: e.kind == "hold" and settling(e) is None),
    ("status=standing", lambda e: e.kind != "hold" and settling(e) is None),
    ("status=settled", lambda e: settling(e) is not None),
    ("status=posted", lambda e: settling(e) is EntryKind.POST),
    ("status=voided", lambda e: settling(e) is EntryKind.VOID),
    ("status=reversed", lambda e: settling(e) is EntryKind.REVERSAL),
    ("status=voided&type=receipt", lambda e: settling(e) == "void" and e.document_type == "receipt"),  # noqa: E501 - a table
]  # fmt: skip


@pytest.mark.parametrize(("query", "fits"), FILTERS, ids=[query for query, _ in FILTERS])
def test_filter_tells_every_entry_that_fits_and_no_other(
    api: Api, query: str, fits: Callable[[Entry], bool]
) -> None:
    """An auditor concludes from what is not in a list as much as from what is."""
    expected = [number for number, entry in enumerate(ENTRIES) if fits(entry)]
    assert api.indices("acme", f"{query}&limit=17") == expected
    assert api.indices("acme", f"{query}&limit=256&order=newest") == expected[::-1]


def test_long_search_goes_on_page_by_page(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter that fits nothing must not hold a connection until it has seen a million rows."""
    monkeypatch.setattr("services.ledger.api_entries.WINDOW", 50)
    monkeypatch.setattr("services.ledger.api_entries.WINDOWS", 2)
    pages = list(api.pages("acme", "account=6007&min_amount=395"))
    assert len(pages) == SIZE / 100
    assert [e["index"] for page in pages for e in page["entries"]] == [297]
    assert api.indices("acme", "kind=hold&order=newest&limit=3") == [
        number for number in range(SIZE - 1, -1, -1) if ENTRIES[number].kind is EntryKind.HOLD
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"sealed_before={sealed(0)}", range(0)),
        (f"sealed_before={sealed(1)}", range(40)),
        (f"sealed_after={sealed(1)}", range(40, SIZE)),
        (f"sealed_after={sealed(1)}&sealed_before={sealed(2)}", range(40, 260)),
        (f"sealed_after={sealed(4)}", range(0)),
        ("since=290", range(290, SIZE)),
        ("as_of=15", range(15)),
        ("as_of=0", range(0)),
        ("since=5&as_of=15", range(5, 15)),
    ],
)  # fmt: skip
def test_range_of_the_log_is_told(api: Api, query: str, expected: range) -> None:
    """Replaying from any size, or as of any, is how books are compared with an older copy."""
    assert api.indices("acme", f"{query}&limit=256") == list(expected)
    assert api.indices("acme", f"{query}&limit=9&order=newest") == list(expected)[::-1]


def test_status_is_told_as_of_a_size(api: Api) -> None:
    """What was open at the end of a quarter must be told as it was then."""
    assert api.indices("acme", "status=open&as_of=4") == [2, 3]
    assert api.indices("acme", "status=open&as_of=5") == [2]
    assert api.indices("acme", "status=posted&as_of=5") == [3]


def test_one_filter_finds_nothing_of_another_tenant(api: Api) -> None:
    """Both tenants' rows are in the same tables."""
    assert api.indices("globex", "kind=post") == [0, 4, 7, 10, 14, 17, 20, 24]
    assert api.indices("globex", "since=25&kind=post") == []


def test_list_that_grows_is_paged_as_it_was(tmp_path: Path) -> None:
    """Entries that are sealed between two pages must neither appear twice nor shift others."""
    database = open_sqlite(tmp_path / "ledger.sqlite", JOURNAL)
    keep(tmp_path, database, "acme", (20,))
    api = Api(tmp_path)
    pages = api.pages("acme", "order=newest&limit=8")
    seen = [entry["index"] for entry in next(pages)["entries"]]
    (tmp_path / "more").mkdir()
    keep(tmp_path / "more", open_sqlite(tmp_path / "more/ledger.sqlite", JOURNAL), "acme", (20, 30))
    (tmp_path / "log").rename(tmp_path / "old")
    (tmp_path / "more" / "log").rename(tmp_path / "log")
    rest = list(pages)
    seen += [entry["index"] for page in rest for entry in page["entries"]]
    assert seen == list(range(19, -1, -1))
    assert {page["tree_size"] for page in rest} == {20}


def test_cursor_of_another_list_is_refused(api: Api) -> None:
    """A cursor that is used with other filters would skip entries without a word."""
    cursor = api.get(LIST, ALL, "kind=hold&limit=2").json["next"]
    assert api.get(LIST, ALL, f"kind=hold&limit=9&cursor={cursor}").status == 200
    for query in ("kind=post", "kind=hold&order=newest", "kind=hold&as_of=50", "kind=hold&since=1"):
        answer = api.get(LIST, ALL, f"{query}&cursor={cursor}")
        assert (answer.status, answer.code) == (400, "malformed_request")
    other = api.get("/v1/tenants/globex/entries", ALL, f"kind=hold&cursor={cursor}")
    assert (other.status, other.code) == (400, "malformed_request")


def test_changed_cursor_is_refused(site: Path) -> None:
    """Whoever edits a cursor gets no answer that looks like one to a question they never asked."""
    api = Api(site)
    cursor = api.get(LIST, ALL, "limit=2").json["next"]
    changed = [
        cursor[:i] + ("A" if cursor[i] != "A" else "B") + cursor[i + 1 :]
        for i in range(len(cursor))
    ]
    for text in [
        *changed,
        cursor[:-1],
        cursor + "A",
        cursor + "=",
        "",
        "-",
        "AAAA",
        "\u00e9",
        "%00",
    ]:
        answer = api.get(LIST, ALL, f"limit=2&cursor={text}")
        assert (answer.status, answer.code) == (400, "malformed_request")


def test_cursor_beyond_the_log_is_refused(site: Path) -> None:
    """Cursors are no secret: one that somebody makes up opens nothing that the log has not."""
    made_up = Cursor(10**6, 5).text(ListQuery().seal("acme"))
    assert Api(site).get(LIST, ALL, f"cursor={made_up}").code == "not_found"
    assert Api(site).get(LIST, ALL, f"as_of={SIZE + 1}").code == "not_found"


@pytest.mark.parametrize(
    "query",
    [
        "kind=canary", "type=canary", "account=canary", "account=60001", "currency=eur",
        "min_amount=1.5", "min_amount=9007199254740993", "status=canary", "from=canary",
        "from=2026-02-30", "sealed_after=2026-01-01T00:00:00", "sealed_before=canary",
        "from=0", "to=1700000000", "sealed_after=0", "sealed_before=1700000000", "as_of=-1",
        "order=canary", "limit=257", "canary=1", "kind=hold&kinds=hold",
        "cursor=" + "A" * 65,
    ],
)  # fmt: skip
def test_malformed_filter_is_refused_and_not_repeated(site: Path, query: str) -> None:
    """A filter that is misspelt must not be left out: the list would look complete."""
    answer = Api(site).get(LIST, ALL, query)
    assert (answer.status, answer.code) == (400, "malformed_request")
    assert b"canary" not in answer.body


LIES = [
    ("UPDATE entries SET kind = 'hold' WHERE seq = 0", "kind=hold"),
    ("UPDATE entries SET document_type = 'contract' WHERE seq = 0", "type=contract"),
    ("UPDATE postings SET amount = 77 WHERE seq = 0 AND line = 0", "max_amount=77&min_amount=77"),
    ("UPDATE postings SET account = '9999' WHERE seq = 0", "account=9999"),
    ("UPDATE entries SET date = '2019-01-01' WHERE seq = 0", "to=2019-01-01"),
    (f"UPDATE entries SET settles = '{ENTRIES[2].entry_id}' WHERE seq = 0", "status=posted"),
    ("UPDATE entries SET kind = 'post' WHERE seq = 6", "status=posted"),
]  # fmt: skip


@pytest.mark.parametrize(("lie", "query"), LIES, ids=[query for _, query in LIES])
def test_journal_that_lies_is_not_believed(tmp_path: Path, lie: str, query: str) -> None:
    """Whoever can write to the database must not be able to let the API say what no leaf says."""
    database = open_sqlite(tmp_path / "ledger.sqlite", JOURNAL)
    keep(tmp_path, database, "acme", (20,))
    database.close()
    change_behind_its_back(tmp_path, lie)
    api = Api(tmp_path)
    answer = api.get(LIST, ALL, query)
    assert (answer.status, answer.code) == (500, "log_damaged")
    assert api.get(LIST, ALL).status == 200


def test_journal_that_lags_is_an_outage(site: Path, tmp_path: Path) -> None:
    """A replica that has not caught up would say that there is nothing where there is something."""
    database = open_sqlite(tmp_path / "ledger.sqlite", JOURNAL)
    keep(tmp_path, database, "acme", (40,))
    database.close()
    api = Api(site, open_journal_index(None, tmp_path / "ledger.sqlite"))
    assert api.get(LIST, ALL, "kind=post").code == "unavailable"
    assert api.get(LIST, ALL).status == 200


def test_without_a_journal_the_log_can_still_be_read(site: Path, tmp_path: Path) -> None:
    """The log is the truth: what needs no search needs no database."""
    api = Api(site, open_journal_index(None, tmp_path / "none.sqlite"))
    assert api.get(LIST, ALL).status == 200
    assert api.get(f"{LIST}/5/proof", ALL).status == 200
    for query in ("kind=post", f"sealed_after={sealed(0)}"):
        assert api.get(LIST, ALL, query).code == "unavailable"
    assert not (tmp_path / "none.sqlite").exists()
