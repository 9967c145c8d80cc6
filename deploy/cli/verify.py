"""``docledger verify`` and ``docledger proof``: what outsiders can do, done here."""

from pathlib import Path

from deploy.cli.opened import open_house
from deploy.cli.screen import safe, to_stderr, to_stdout
from deploy.local.lookup import find_document
from deploy.local.site import Site
from services.ledger.entries import standing_entry
from shared.errors import UserError
from shared.tlog.errors import TlogError
from shared.tlog.note import VerifierKey
from shared.tlog.reader import DirectoryReader
from shared.tlog.verify import verify_log

VKEY_SUFFIX = ".vkey"


def verify(data_dir: Path, log: Path | None, key: str | None) -> int:
    """Verify one log, or every log of the data folder; return 1 if one is not what it claims."""
    if log is not None:
        logs = [(log, _key(key or str(_beside(log))))]
    else:
        folder = Site(data_dir).log
        logs = [(one.with_suffix(""), _key(str(one))) for one in sorted(folder.glob("*.vkey"))]
        if not logs:
            raise UserError(
                f"no log in {folder}; run 'docledger run PATH' first, or name a log's folder"
            )
    return max([_verify(folder, vkey) for folder, vkey in logs])


def proof(data_dir: Path, typed: str) -> int:
    """Print the proof of the entry that says where a document stands."""
    house = open_house(data_dir)
    document = find_document(house, typed)
    history = house.ledger.journal.history(document.tenant, document.document_id)
    booked = standing_entry(history)
    if booked is None or booked.index is None:
        raise UserError("the document has no sealed entry yet; see 'docledger show'")
    print(house.ledger.log_of(document.tenant).prove(booked.index), end="")  # noqa: T201 - output
    return 0


def _verify(folder: Path, key: VerifierKey) -> int:
    try:
        verified = verify_log(DirectoryReader(folder), key)
    except TlogError as error:
        to_stderr().print(safe(f"{folder}: NOT VERIFIED: {error}", style="bold red"))
        return 1
    line = f"{folder}: verified: {verified.size} entries, root {verified.root.hex()}"
    to_stdout().print(safe(line, style="green"))
    return 0


def _beside(log: Path) -> Path:
    path = log.parent / f"{log.name}{VKEY_SUFFIX}"
    if not path.exists():
        raise UserError(f"no key for {log}; give the log's public key with --key")
    return path


def _key(text: str) -> VerifierKey:
    """Return the key of a vkey line, or of the file that holds one."""
    path = Path(text)
    line = text
    if "+" not in text or path.exists():
        try:
            line = path.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as err:
            raise UserError(f"cannot read the public key {text}; give a vkey line") from err
    try:
        return VerifierKey.parse(line.strip())
    except TlogError as err:
        raise UserError("that is no vkey line (name+id+key); check --key") from err
