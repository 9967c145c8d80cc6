"""An auditor, and the API that they ask."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from services.ledger.adapters.journal_index import open_journal_index
from services.ledger.adapters.published_folder import PublishedFolder
from services.ledger.api import create_app
from services.ledger.api_index import Index
from services.ledger.api_log import Logs
from services.ledger.api_settings import LedgerApiSettings
from shared.api.grants import parse_readers
from tests.shared.api.asking import Answer, Badges, Process, ask, badge

ACME, ALL = "auditor@acme.example", "auditor@everyone.example"


class Api:
    """The API over one folder, and what it says.

    Args:
        folder: holds ``log/``, and ``ledger.sqlite`` unless there is another index.
        index: where to look.
        logs: instead of those in the folder.
    """

    def __init__(self, folder: Path, index: Index | None = None, logs: Logs | None = None) -> None:
        self.process = Process()
        self.badges = Badges()
        self.app = create_app(
            logs=logs or PublishedFolder(folder / "log").log_of,
            index=index or open_journal_index(None, folder / "ledger.sqlite"),
            identities=self.badges,
            around=self.process.around("auditor", "log"),
            settings=LedgerApiSettings(readers=parse_readers(f"{ACME}=acme,{ALL}=*")),
        )

    def get(self, path: str, account: str | None = ACME, query: str = "", **more: str) -> Answer:
        """Ask for one thing."""
        headers = [badge(account)] if account else []
        more_headers = [(name.replace("_", "-"), value) for name, value in more.items()]
        return ask(self.app, "GET", path, headers=[*headers, *more_headers], query=query)

    def head(self, path: str, account: str = ACME, **more: str) -> Answer:
        """Ask what one thing would be answered with."""
        more_headers = [(name.replace("_", "-"), value) for name, value in more.items()]
        return ask(self.app, "HEAD", path, headers=[badge(account), *more_headers])

    def pages(self, tenant: str, query: str = "") -> Iterator[dict[str, Any]]:
        """Follow a list of entries to its end."""
        following: str | None = ""
        while following is not None:
            cursor = f"&cursor={quote(following)}" if following else ""
            page = self.get(f"/v1/tenants/{tenant}/entries", ALL, query + cursor).json
            yield page
            following = page["next"]

    def indices(self, tenant: str, query: str = "") -> list[int]:
        """Return the indices that a list of entries shows, on all of its pages."""
        return [entry["index"] for page in self.pages(tenant, query) for entry in page["entries"]]
