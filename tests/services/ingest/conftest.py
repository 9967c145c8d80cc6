"""Bytes to look at, one confined pool for those that are hostile, and registers of each kind."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import text

from services.ingest.adapters.inspector import SandboxInspector
from services.ingest.inspection import InspectionLimits
from services.ingest.register import TableRegister
from services.ingest.register_memory import memory_register
from services.ingest.register_schema import REGISTER
from services.ingest.register_sql import SqlRegister
from shared.bus.topology import load_topology
from shared.database.database import Database
from shared.database.migrations import migrate
from shared.database.postgres import connect
from shared.database.sqlite import open_sqlite
from shared.sandbox.pool import Sandbox
from shared.sandbox.port import Limits
from tests.emulators.postgres import Postgres
from tests.services.ingest.handler_house import House
from tests.services.ingest.lifecycle import DEADLINES

MakePdf = Callable[..., bytes]


def make_pdf(
    kids: str = "3 0 R", *, count: int = 1, objects: tuple[str, ...] = (), box: str = "0 0 595 842"
) -> bytes:
    """Return a PDF whose page tree says what the caller wants it to say."""
    bodies = [
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {count}>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[{box}]>>",
        *objects,
    ]
    out = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += f"{number} 0 obj{body}endobj\n".encode()
    table = b"".join(f"{place:010} 00000 n \n".encode() for place in places)
    size = len(bodies) + 1
    return out + (
        f"xref\n0 {size}\n0000000000 65535 f \n".encode()
        + table
        + f"trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{len(out)}\n%%EOF\n".encode()
    )


def make_image(kind: str, size: tuple[int, int] = (60, 40), frames: int = 1) -> bytes:
    """Return an image of a format that Pillow knows."""
    out = io.BytesIO()
    first, *rest = (Image.effect_noise(size, 40 + frame) for frame in range(frames))
    if rest:
        first.save(out, kind, save_all=True, append_images=rest)
    else:
        first.save(out, kind)
    return out.getvalue()


@pytest.fixture
def pdf() -> MakePdf:
    """Give the maker of PDFs."""
    return make_pdf


@pytest.fixture
def image() -> Callable[..., bytes]:
    """Give the maker of images."""
    return make_image


@pytest.fixture(scope="session")
def confined() -> Iterator[SandboxInspector]:
    """Give the look as it is in production, with tighter limits."""
    with Sandbox(Limits(memory_mb=700, cpu_s=5, wall_s=60)) as pool:
        yield SandboxInspector(pool, InspectionLimits())


@pytest.fixture(scope="session")
def register_database(postgres_server: Postgres) -> Iterator[Database]:
    """Give a migrated register on PostgreSQL, as its owner: one for all tests of a process."""
    name = postgres_server.create()
    database = connect(postgres_server.url(name), REGISTER)
    migrate(database)
    yield database
    database.close()
    postgres_server.drop(name)


@pytest.fixture
def postgres_register(register_database: Database) -> SqlRegister:
    """Give an empty register on PostgreSQL."""
    with register_database.writing() as connection:
        connection.execute(text("TRUNCATE submissions, documents, flow, reservations, spent"))
    return SqlRegister(register_database, load_topology().deadline)


@pytest.fixture
def sqlite_register(tmp_path: Path) -> Iterator[SqlRegister]:
    """Give an empty register on SQLite."""
    register = SqlRegister(
        open_sqlite(tmp_path / "register.sqlite", REGISTER, busy_s=0.05), DEADLINES
    )
    yield register
    register.close()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def register(request: pytest.FixtureRequest) -> TableRegister:
    """Give an empty register of each kind in turn."""
    if request.param == "memory":
        return memory_register(DEADLINES)
    return on_disk(request)


def on_disk(request: pytest.FixtureRequest) -> SqlRegister:
    """Return an empty register in the database that a test's parameter names."""
    register: SqlRegister = request.getfixturevalue(f"{request.param}_register")
    return register


@pytest.fixture(params=["sqlite", "postgres"])
def sql_register(request: pytest.FixtureRequest) -> SqlRegister:
    """Give an empty register in each kind of database in turn."""
    return on_disk(request)


@pytest.fixture
def house() -> House:
    """Give an empty house."""
    return House()
