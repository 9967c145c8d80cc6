"""``docledger serve``: the auditor API and its page over a data folder, for this machine alone.

Whoever has the address that is printed may read; nobody else may, other users of this machine and
pages of other sites included. The token in it is made anew each time, and stands behind ``#``: that
part of an address a browser keeps to itself.
"""

import hmac
import secrets
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from deploy.cli.screen import to_stdout
from deploy.local.house import DEFAULT_TENANT
from services.ledger.adapters.places import LOG_FOLDER, FolderPlace, open_place
from shared.api.grants import ANYBODY, EVERY_TENANT
from shared.errors import UserError
from shared.tlog.errors import TlogError
from shared.tlog.key_history import KEYS_SUFFIX, Closing, KeyHistory, keys_of
from shared.tlog.note import VerifierKey
from shared.worker.authentication import UnauthenticatedError

HOST: Final = "127.0.0.1"


class OneToken:
    """``Identities`` for whoever shows one token.

    Args:
        token: ASCII.
    """

    def __init__(self, token: str) -> None:
        self._header = f"bearer {token}".encode()

    def account(self, headers: Mapping[str, str]) -> str:
        """Return the one account there is.

        Raises:
            UnauthenticatedError: the token is another one, or missing.
        """
        kind, _, token = headers.get("authorization", "").partition(" ")
        shown = f"{kind.lower()} {token}".encode("utf-8", "replace")
        if not hmac.compare_digest(shown, self._header):
            raise UnauthenticatedError
        return ANYBODY

    def ready(self) -> None:
        """Nothing is needed to compare."""


def addresses(data_dir: Path, port: int, token: str) -> list[str]:
    """Return where to look at each log of a data folder; the page alone when there is none.

    In a bucket, which cannot be asked for the names in it, only the default tenant's is looked for.

    Raises:
        UserError: a log's keys cannot be believed.
        TransientError: the folder or bucket of the logs is unavailable.
    """
    place = open_place(data_dir)
    tenants = [DEFAULT_TENANT]
    if isinstance(place, FolderPlace):
        tenants = sorted(one.stem for one in (data_dir / LOG_FOLDER).glob("*.vkey"))
    base = f"http://{HOST}:{port}/#"
    found: list[str] = []
    for tenant in tenants:
        line = place.find(f"{tenant}.vkey")
        if line is not None:
            keys = _keys(tenant, line, place.find(f"{tenant}{KEYS_SUFFIX}"))
            found.append(
                base + urlencode({"tenant": tenant, "token": token, "vkey": "\n".join(keys)})
            )
    return found or [base + urlencode({"token": token})]


def _keys(tenant: str, line: bytes, history: bytes | None) -> list[str]:
    """Return the keys that sign a log or did: all but those that were stolen."""
    try:
        first = VerifierKey.parse(line.decode("ascii"))
        known = keys_of(first, history)
    except (TlogError, UnicodeDecodeError) as err:
        raise UserError(f"the keys of {tenant} cannot be believed: 'docledger keys show'") from err
    if not isinstance(known, KeyHistory):
        return [str(first)]
    return [str(one.key) for one in known.periods if one.why is not Closing.COMPROMISED]


def serve(data_dir: Path, *, port: int) -> None:
    """Serve until it is interrupted.

    Raises:
        UserError: there is no data folder; or the packages of the APIs are not installed.
    """
    if not data_dir.is_dir():
        raise UserError("there is no data folder yet: 'docledger run FILE…' makes one")
    try:
        from deploy.cloudrun.api import serve as serve_app  # noqa: PLC0415 - an extra
        from services.ledger.api_main import build  # noqa: PLC0415 - an extra
        from services.ledger.api_settings import LedgerApiSettings  # noqa: PLC0415 - an extra
    except ImportError as err:
        raise UserError(
            "the APIs are not installed: pip install 'docledger[all,api,cloud]'"
        ) from err
    from shared.clock import SystemClock  # noqa: PLC0415 - with the rest
    from shared.logging import SilentLog  # noqa: PLC0415 - with the rest
    from shared.telemetry.registry import MemoryMetrics  # noqa: PLC0415 - with the rest

    _require_free(port)
    token = secrets.token_urlsafe()
    app = build(
        data_dir=data_dir,
        log=SilentLog(),
        metrics=MemoryMetrics(),
        clock=SystemClock(),
        settings=LedgerApiSettings(readers={ANYBODY: frozenset({EVERY_TENANT})}),
        identities=OneToken(token),
    )
    say(addresses(data_dir, port, token))
    serve_app(app, host=HOST, port=port)


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as err:
            raise UserError(f"port {port} cannot be had: choose another with --port") from err


def say(lines: Iterable[str]) -> None:
    """Tell the person where to look."""
    screen = to_stdout()
    screen.print("Open in a browser; the address holds a token, so keep it to yourself:")
    for line in lines:
        screen.print(line, soft_wrap=True)
    screen.print("Ctrl-C ends it.")
