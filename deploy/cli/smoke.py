"""``docledger smoke``: one known document through the live path, and its proof verified."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from deploy.cli.command import told
from deploy.cli.log_bucket import bucket_set, key_wanted
from deploy.cli.log_source import VKEY_SUFFIX, read_key
from deploy.cli.screen import safe, table, to_stdout
from deploy.cli.smoke_http import Api, RefusedError
from deploy.cli.smoke_invoice import CURRENCY, SmokeInvoice, new_invoice
from deploy.cli.smoke_proof import Ledger, Proven, WrongError
from deploy.cli.smoke_tokens import token_for
from deploy.cli.smoke_ways import WayIn, way_in
from deploy.local.backing import Backing
from deploy.local.site import Site
from shared.clock import Clock, SystemClock
from shared.errors import TransientError, UserError
from shared.tlog.checkpoint import Checkpoint

FINE: Final = 0
NOT_POSTED: Final = 1
WRONG: Final = 3
UNREACHABLE: Final = 4

LOCAL_TENANT: Final = "default"
"""Of whoever hands in and reads on one machine."""

_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_FIRST_PAUSE_S: Final = 0.25
_MOST_PAUSE_S: Final = 5.0
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked for.

    Attributes:
        submit: the partner API's address, or ``gs://`` and the uploads bucket; None for the
            deployables that are up on the data folder.
        auditor: the auditor API's address.
        key: the log's public key: a vkey line, or a file that holds one.
        tenant: as whom it is handed in.
        within_s: so long may it take.
        submit_token: where the token for the partner API is, as ``token_for`` says.
        auditor_token: likewise, for the auditor API.
        as_json: evidence as one JSON line instead of a table.
    """

    submit: str | None = None
    auditor: str | None = None
    key: str | None = None
    tenant: str = "smoke"
    within_s: float = 300.0
    submit_token: str | None = None
    auditor_token: str | None = None
    as_json: bool = False


class NotPostedError(Exception):
    """The document was not posted (in time); the line says how far it came."""


def smoke(data_dir: Path, asked: Asked, *, clock: Clock | None = None) -> int:
    """Send one document, wait for its entry, verify its proof; return the exit code."""
    clock = clock or SystemClock()
    try:
        run = _opened(data_dir, asked, clock)
    except TransientError as error:
        return told(str(error), UNREACHABLE)
    line, code = "posted, and its proof verifies", FINE
    try:
        run.go()
    except NotPostedError as error:
        line, code = str(error), NOT_POSTED
    except WrongError as error:
        line, code = str(error), WRONG
    except (RefusedError, TransientError) as error:
        line, code = str(error), UNREACHABLE
    run.show(line, code, as_json=asked.as_json)
    return code if code == FINE else told(line, code)


@dataclass
class _Run:
    """One document on its way.

    Attributes:
        tenant: as whom.
        way: in.
        ledger: where it must appear.
        clock: time.
        within_s: so long may it take.
        invoice: what is sent.
        seconds: by step that was done, how long it took.
        before: what was published before.
        proven: its entry, at the end.
    """

    tenant: str
    way: WayIn
    ledger: Ledger
    clock: Clock
    within_s: float
    invoice: SmokeInvoice
    seconds: dict[str, float] = field(default_factory=dict)
    before: Checkpoint | None = None
    proven: Proven | None = None

    def go(self) -> None:
        """Do it, or raise what exit codes are made of."""
        deadline = self.clock.monotonic() + self.within_s
        with self._step("looked"):
            self.before = self._patiently(self.ledger.published, deadline)
        with self._step("sent"):
            self._patiently(lambda: self.way.send(self.invoice), deadline)
        with self._step("posted"):
            index = self._posted(deadline)
        with self._step("proven"):
            self.proven = self._patiently(
                lambda: self.ledger.prove(index, self.invoice, self.before), deadline
            )

    def show(self, line: str, code: int, *, as_json: bool) -> None:
        """Print the evidence."""
        evidence = self._evidence(line, code)
        if as_json:
            print(json.dumps(evidence))  # noqa: T201 - output
            return
        console = to_stdout()
        rows = [
            (step, f"{self.seconds[step]:.2f}" if step in self.seconds else "", said)
            for step, said in self._steps()
        ]
        console.print(table("Smoke", ("!step", "!>seconds", "what"), rows))
        if code == FINE:
            console.print(safe(line, style="green"))

    def _posted(self, deadline: float) -> int:
        pause_s = _FIRST_PAUSE_S
        trouble: Exception | None = None
        while True:
            try:
                index = self.ledger.find(self.invoice)
                if index is not None:
                    return index
                failed = self.way.failed()
                trouble = None
            except TransientError as error:
                failed, trouble = None, error
            if failed is not None:
                raise NotPostedError(f"{self.invoice.number} was not posted but {failed}")
            if self.clock.monotonic() + pause_s > deadline:
                if trouble is not None:
                    raise trouble
                raise NotPostedError(
                    f"{self.invoice.number} was not posted within {self.within_s:g} s; "
                    "look for late documents and for what is in quarantine"
                )
            self.clock.sleep(pause_s)
            pause_s = min(_MOST_PAUSE_S, pause_s * 1.5)

    def _patiently(self, work: Callable[[], _T], deadline: float) -> _T:
        """Do what may fail for a moment, again and again until the deadline."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                return work()
            except TransientError:
                if self.clock.monotonic() + pause_s > deadline:
                    raise
            self.clock.sleep(pause_s)
            pause_s = min(_MOST_PAUSE_S, pause_s * 2)

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        begun = self.clock.monotonic()
        yield
        self.seconds[name] = self.clock.monotonic() - begun

    def _steps(self) -> Iterator[tuple[str, str]]:
        size = self.before.size if self.before is not None else 0
        yield "looked", f"the log of {self.tenant} held {size} entries"
        yield "sent", f"invoice {self.invoice.number}, {self.invoice.total / 100:.2f} {CURRENCY}"
        proven = self.proven
        yield "posted", f"entry {proven.index}" if proven else "no proven entry"
        yield (
            "proven",
            f"in the log of {proven.checkpoint.size} entries, {proven.checkpoint.origin}"
            if proven
            else "no proof",
        )

    def _evidence(self, line: str, code: int) -> dict[str, Any]:
        evidence: dict[str, Any] = {
            "smoke": line,
            "code": code,
            "verified": code == FINE,
            "tenant": self.tenant,
            "at": self.clock.now().isoformat(timespec="seconds"),
            "invoice": self.invoice.number,
            "currency": CURRENCY,
            "net": self.invoice.net,
            "tax": self.invoice.tax,
            "total": self.invoice.total,
            "seconds": {step: round(took, 3) for step, took in self.seconds.items()},
            "size_before": self.before.size if self.before is not None else 0,
        }
        if self.proven is not None:
            checkpoint = self.proven.checkpoint
            evidence |= {
                "index": self.proven.index,
                "origin": checkpoint.origin,
                "size": checkpoint.size,
                "root": checkpoint.root.hex(),
                "proof": self.proven.proof,
            }
        return evidence


def _opened(data_dir: Path, asked: Asked, clock: Clock) -> _Run:
    """Return the run that a person asked for.

    Raises:
        UserError: something is missing or wrong.
    """
    submit, auditor, key, tenant = asked.submit, asked.auditor, asked.key, asked.tenant
    if submit is None and auditor is None:
        site = Site(data_dir)
        backing = Backing.read(site.backing)
        if backing is None:
            raise UserError(
                "name --submit, --auditor and --key, or start 'docledger up --bus pubsub' on "
                f"{data_dir}"
            )
        tenant = LOCAL_TENANT
        submit, auditor = backing.url("ingest-api"), backing.url("ledger-api")
        if key is None and (bucket := bucket_set()) is not None:
            raise key_wanted(bucket)
        key = key or str(site.log / f"{tenant}{VKEY_SUFFIX}")
    elif submit is None or auditor is None or key is None:
        raise UserError(
            "--submit, --auditor and --key are named together, or none of them; the key as "
            "'docledger keys show' has it, for an API's own word is not one"
        )
    else:
        read_key(key)
        if not _TENANT.fullmatch(tenant):
            raise UserError("a tenant's name is of a-z, 0-9 and hyphens: check --tenant")
    return _Run(
        tenant=tenant,
        way=way_in(submit, token_for(asked.submit_token, submit)),
        ledger=Ledger(Api(auditor, token_for(asked.auditor_token, auditor)), tenant, key),
        clock=clock,
        within_s=asked.within_s,
        invoice=new_invoice(clock.now().date()),
    )
