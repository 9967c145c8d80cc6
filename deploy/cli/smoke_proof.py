"""The log behind the auditor API, as somebody sees it who trusts the public key alone."""

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from deploy.cli.log_source import LogSource, read_key
from deploy.cli.smoke_http import Api, RefusedError, json_of
from deploy.cli.smoke_invoice import CURRENCY, SCALE, SmokeInvoice
from shared.errors import TransientError
from shared.tlog.checkpoint import Checkpoint
from shared.tlog.consistency import check_consistent
from shared.tlog.errors import TlogError, UnavailableError
from shared.tlog.note import decode_text
from shared.tlog.proof import Proof, verify_proof
from shared.tlog.reader import read_checkpoint
from shared.tlog.web import WebReader

_PAGE: Final = 256
_MOST_PAGES: Final = 1_000
_CURSOR: Final = re.compile(r"[A-Za-z0-9_=-]{1,64}\Z")
_MOST_LEAF: Final = 65_535


class WrongError(Exception):
    """The log is not what its key says, or says something else than what was sent."""


@dataclass(frozen=True, slots=True)
class Proven:
    """An entry and what proves it.

    Attributes:
        index: in the log.
        checkpoint: that covers it.
        proof: the ``.tlog-proof``, the entry's bytes in it.
    """

    index: int
    checkpoint: Checkpoint
    proof: str


class Ledger:
    """One tenant's log.

    Args:
        api: the auditor API.
        tenant: whose.
        key: a vkey line, or a file that holds one; read when it is needed.
    """

    def __init__(self, api: Api, tenant: str, key: str) -> None:
        self._api = api
        self._tenant = tenant
        self._key = key
        self._since = 0

    def published(self) -> Checkpoint | None:
        """Return the checkpoint that is published now; None while the log has no entry.

        Raises:
            WrongError: the key did not sign it.
            RefusedError, TransientError: it cannot be read.
        """
        if self._api.get(f"/log/{self._tenant}/checkpoint") is None:
            return None
        with self._log() as log:
            found = read_checkpoint(log.reader, log.keys()).checkpoint
        self._since = found.size
        return found

    def find(self, invoice: SmokeInvoice) -> int | None:
        """Return the index of the post of an invoice's total; each entry is looked at once.

        Raises:
            RefusedError, TransientError: the log cannot be listed.
        """
        cursor = ""
        for _ in range(_MOST_PAGES):
            query = f"since={self._since}&limit={_PAGE}{cursor}"
            body = self._api.get(f"/v1/tenants/{self._tenant}/entries?{query}")
            if body is None:
                return None
            page = json_of(body)
            for entry in _listed(page):
                if _totals(entry) == -invoice.total:
                    index: int = entry["index"]
                    return index
            following = page.get("next")
            if not isinstance(following, str) or not _CURSOR.match(following):
                size = page.get("tree_size")
                self._since = max(self._since, size if isinstance(size, int) else 0)
                return None
            cursor = f"&cursor={following}"
        return None

    def prove(self, index: int, invoice: SmokeInvoice, before: Checkpoint | None) -> Proven:
        """Return the proof of the entry, verified; and that it says what was sent.

        Args:
            index: of the entry.
            invoice: what was sent.
            before: what was published before it was sent: the log must begin with it.

        Raises:
            WrongError: the proof does not verify, or the entry or the log say something else.
            RefusedError, TransientError: they cannot be read.
        """
        entry = f"/v1/tenants/{self._tenant}/entries/{index}"
        leaf = _decoded(json_of(self._given(entry)).get("leaf"))
        told = self._given(f"{entry}/proof")
        with self._log() as log:
            proof = decode_text(told, what="proof")
            proven = verify_proof(proof, log.keys(), leaf=leaf)
            if proven.index != index:
                raise WrongError(f"the proof of entry {index} is of another entry")
            if before is not None:
                if before.size > proven.checkpoint.size:
                    raise WrongError("the log is shorter than it was before")
                check_consistent(log.reader, before, proven.checkpoint)
        _require_same(leaf, invoice)
        return Proven(index, proven.checkpoint, str(Proof.parse(proof).holding(leaf)))

    def _given(self, path: str) -> bytes:
        body = self._api.get(path)
        if body is None:
            raise WrongError("an entry that was listed is not there")
        return body

    @contextmanager
    def _log(self) -> Iterator[LogSource]:
        """Give the log's own files; what is wrong with them is said in our terms."""
        url, token = f"{self._api.url.rstrip('/')}/log", self._api.token
        source = LogSource(
            url,
            WebReader(f"{url}/{self._tenant}", token=token),
            WebReader(url, token=token),
            self._tenant,
            read_key(self._key),
        )
        try:
            yield source
        except UnavailableError as err:
            raise TransientError(str(err)) from err
        except TlogError as err:
            raise WrongError(str(err)) from err
        finally:
            source.close()


def _listed(page: dict[str, Any]) -> list[dict[str, Any]]:
    entries = page.get("entries")
    if not isinstance(entries, list):
        raise RefusedError("the auditor API lists no entries: check its address")
    return [one for one in entries if isinstance(one, dict) and isinstance(one.get("index"), int)]


def _totals(entry: dict[str, Any]) -> int | None:
    """Return what an entry's post credits in our currency, None where it is no such post."""
    if entry.get("kind") != "post":
        return None
    credited = [amount for amount in _amounts(entry) if amount < 0]
    return credited[0] if len(credited) == 1 else None


def _amounts(entry: dict[str, Any]) -> list[int]:
    postings = entry.get("postings")
    return [
        one["amount"]
        for one in (postings if isinstance(postings, list) else [])
        if isinstance(one, dict)
        and isinstance(one.get("amount"), int)
        and (one.get("currency"), one.get("scale")) == (CURRENCY, SCALE)
    ]


def _decoded(leaf: object) -> bytes:
    try:
        data = base64.b64decode(str(leaf), validate=True)
    except ValueError:
        data = b""
    if not 0 < len(data) <= _MOST_LEAF:
        raise WrongError("the entry's leaf is none")
    return data


def _require_same(leaf: bytes, invoice: SmokeInvoice) -> None:
    """Insist that the proven bytes say what was sent: type, day, net, tax, total, no more."""
    try:
        said = json.loads(leaf)
    except (ValueError, RecursionError) as err:
        raise WrongError("the entry's leaf is none") from err
    postings = said.get("postings") if isinstance(said, dict) else None
    expected = sorted((invoice.net, invoice.tax, -invoice.total))
    if (
        not isinstance(postings, list)
        or len(postings) != len(expected)
        or sorted(_amounts(said)) != expected
        or (said.get("kind"), said.get("type")) != ("post", "invoice")
        or said.get("date") != invoice.issued.isoformat()
    ):
        raise WrongError("the entry says something else than the document that was sent")
