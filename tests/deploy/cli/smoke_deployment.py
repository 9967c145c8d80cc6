"""A deployment that smoke is sent to: both APIs over a real log, on one local server."""

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.ledger.adapters.memory_intents import MemoryIntents
from services.ledger.adapters.public_files import DirectoryFiles
from services.ledger.publication import Publication
from shared.tlog.signer import Ed25519Signer

ORIGIN = "docledger.example/log/smoke"


JOB = "ab" * 20


TOKEN = "t0ken-that-nobody-may-see"


Entry = dict[str, Any]


class Deployment:
    """Both APIs of a deployment over a real log; it posts what is handed in, if it is told to.

    Attributes:
        posts: whether the document comes to the books.
        alter: changes the entry before it is sealed.
        job: what the partner API says of the job.
        answers: by path: a status, or a body, instead of the true answer.
        once: statuses that the next requests get.
        seen: every request: method, path, token.
        flavors: what requests to the metadata server say, so that no page can make them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.posts = True
        self.alter: Callable[[Entry], Entry] = lambda entry: entry
        self.job: dict[str, Any] = {"status": "accepted", "document": {"status": "in_flight"}}
        self.answers: dict[str, int | bytes] = {}
        self.once: list[int] = []
        self.seen: list[tuple[str, str, str | None]] = []
        self.flavors: list[str] = []
        self.leaves: list[bytes] = []
        self.url = ""
        self.key = ""
        self.begin("key")

    def begin(self, key: str) -> None:
        """Begin a log (anew, under another key)."""
        self.leaves.clear()
        root = self.folder / key
        root.mkdir()
        signer = Ed25519Signer.open_or_create(root / "key.pem", ORIGIN)
        self.log = Publication(
            origin=ORIGIN,
            files=DirectoryFiles(root / "log"),
            signer=signer,
            intents=MemoryIntents(),
        )
        self.files = root / "log"
        self.key = self.key or str(signer.key)
        for number in range(3):
            self.seal({"kind": "hold", "number": number})

    def seal(self, entry: Entry) -> None:
        """Append an entry to the log."""
        self.leaves.append(json.dumps(entry).encode())
        self.log.extend(self.leaves[-1:], first_index=len(self.leaves) - 1)

    def take(self, pdf: bytes) -> None:
        """Read the invoice and post it, as the workers would."""
        text = pdf.decode("latin-1")
        net, tax, total = (
            int(found.replace(".", ""))
            for found in re.findall(r"(?:Subtotal|VAT 20%|Total amount): ([0-9.]+) EUR", text)
        )
        dated = re.search(r"Invoice date: ([0-9-]+)", text)
        assert dated is not None
        postings = [
            {"account": account, "amount": amount, "currency": "EUR", "scale": 2}
            for account, amount in (("5000", net), ("1400", tax), ("2000", -total))
        ]
        entry = {"kind": "post", "type": "invoice", "date": dated[1], "postings": postings}
        if self.posts:
            self.seal(self.alter(entry))

    def answer(  # noqa: PLR0911 - one a path
        self, method: str, path: str, body: bytes
    ) -> tuple[int, bytes]:
        """Answer one request."""
        path, _, query = path.partition("?")
        if self.once:
            return self.once.pop(0), b'{"code": "busy", "message": "%s"}' % TOKEN.encode()
        said = self.answers.get(path)
        if said is not None:
            return (said, b'{"code": "forbidden"}') if isinstance(said, int) else (200, said)
        if method == "POST":
            self.take(body)
            return 202, json.dumps({"job_id": JOB}).encode()
        if path == f"/v1/jobs/{JOB}":
            return 200, json.dumps(self.job).encode()
        entries = "/v1/tenants/smoke/entries"
        if path == entries:
            return 200, self._page(int(query.split("&")[0].removeprefix("since=")))
        if found := re.fullmatch(rf"{entries}/(\d+)(/proof)?", path):
            index = int(found[1])
            if found[2]:
                return 200, self.log.prove(index).encode()
            leaf = base64.b64encode(self.leaves[index]).decode()
            return 200, json.dumps({"leaf": leaf}).encode()
        file = self.files / path.removeprefix("/log/smoke/")
        if path.startswith("/log/smoke/") and file.is_file():
            return 200, file.read_bytes()
        return 404, b'{"code": "not_found"}'

    def _page(self, since: int) -> bytes:
        """Return two entries a page, so that several are needed."""
        listed = list(range(since, len(self.leaves)))[:2]
        more = bool(listed) and listed[-1] + 1 < len(self.leaves)
        entries = [{**json.loads(self.leaves[index]), "index": index} for index in listed]
        cursor = f"c{listed[-1] + 1}" if more else None
        size = len(self.leaves)
        return json.dumps({"entries": entries, "next": cursor, "tree_size": size}).encode()


Run = Callable[..., tuple[int, dict[str, Any], str]]
