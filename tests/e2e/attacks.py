"""What a deployable that was taken over would try with what is others', and must be denied."""

from collections.abc import Callable
from typing import Final

from deploy.local.house import DEFAULT_TENANT
from shared.keys.kek import Wrapped
from shared.keys.kms_signer import new_version, public_key
from shared.tlog.checkpoint import Checkpoint
from tests.e2e.kept import COMMANDS, DEPLOYABLES, ORIGIN, Reach

Attack = tuple[str, Callable[[Reach], object]]

_CHECKPOINT: Final = f"{DEFAULT_TENANT}/checkpoint"
_TILE: Final = f"{DEFAULT_TENANT}/tile/0/000"
_KEY: Final = f"keys/{'d' * 40}"
_TENANTS_KEY: Final = f"keys/tenants/{DEFAULT_TENANT}.ids"

_ON_OBJECTS: Final[dict[str, Attack]] = {
    "ocr reads uploads": ("ocr", lambda at: at.objects.read("inbox/default/1")),
    "ocr writes a summary": ("ocr", lambda at: at.objects.create("results/summarize/d/1", b"{}")),
    "summarize reads an original": ("summarize", lambda at: at.objects.read("originals/d")),
    "ledger rewrites a summary": (
        "ledger",
        lambda at: at.objects.replace("results/summarize/d/1", b"{}", generation=1),
    ),
    "entrance reads what was read": ("entrance", lambda at: at.objects.read("results/ocr/d/1")),
    "ingest takes another's lease": ("ingest", lambda at: at.objects.delete("leases/ocr/d/1")),
    "eraser deletes a tombstone": ("eraser", lambda at: at.objects.delete("tombstones/d")),
    "register deletes a tombstone": ("register", lambda at: at.objects.delete("tombstones/d")),
    "sequencer opens documents": ("sequencer", lambda at: at.objects.read("originals/d")),
    "ingest-api reads originals": ("ingest-api", lambda at: at.objects.read("originals/d")),
    "operator rewrites a result": (
        "operator",
        lambda at: at.objects.replace("results/ocr/d/1", b"{}", generation=1),
    ),
    "operator deletes a record": ("operator", lambda at: at.objects.delete("quarantine/ocr/d")),
    "keeper reads an original": ("keeper", lambda at: at.objects.read("originals/d")),
    "ledger-api lists documents": ("ledger-api", lambda at: list(at.objects.list("originals/"))),
}

_ON_LOGS: Final[dict[str, Attack]] = {
    "sequencer deletes a tile": ("sequencer", lambda at: at.logs.delete(_TILE)),
    "sequencer rewrites a tile": (
        "sequencer",
        lambda at: at.logs.replace(_TILE, b"", generation=1),
    ),
    "sequencer takes a key back": (
        "sequencer",
        lambda at: at.logs.delete(f"{DEFAULT_TENANT}.vkey"),
    ),
    "ledger reads logs": ("ledger", lambda at: at.logs.read(_CHECKPOINT)),
    "ledger publishes": ("ledger", lambda at: at.logs.create("acme/checkpoint", b"")),
    "ledger-api publishes": ("ledger-api", lambda at: at.logs.create("acme/checkpoint", b"")),
    "ledger-api rewrites": (
        "ledger-api",
        lambda at: at.logs.replace(_CHECKPOINT, b"", generation=1),
    ),
    "keeper deletes a tile": ("keeper", lambda at: at.logs.delete(_TILE)),
    "keeper publishes a tile": ("keeper", lambda at: at.logs.create(_TILE, b"")),
    "keeper exchanges a log's root": (
        "keeper",
        lambda at: at.logs.replace(f"{DEFAULT_TENANT}.vkey", b"", generation=1),
    ),
    "operator publishes": ("operator", lambda at: at.logs.create("acme/checkpoint", b"")),
    "eraser deletes a checkpoint": ("eraser", lambda at: at.logs.delete(_CHECKPOINT)),
}

_ON_WRAPPED: Final[dict[str, Attack]] = {
    "ocr destroys a key": ("ocr", lambda at: at.wrapped.delete(_KEY)),
    "ocr makes a key": ("ocr", lambda at: at.wrapped.create(_KEY, b"")),
    "ocr exchanges a tenant's key": (
        "ocr",
        lambda at: at.wrapped.replace(_TENANTS_KEY, b"", generation=1),
    ),
    "ingest destroys a tenant": ("ingest", lambda at: at.wrapped.delete(_TENANTS_KEY)),
    "eraser destroys a tenant": ("eraser", lambda at: at.wrapped.delete(_TENANTS_KEY)),
    "eraser makes a key": ("eraser", lambda at: at.wrapped.create(_KEY, b"")),
    "entrance opens a document": ("entrance", lambda at: at.wrapped.read(_KEY)),
    "register opens a document": ("register", lambda at: at.wrapped.read(_KEY)),
    "sequencer opens a document": ("sequencer", lambda at: at.wrapped.read(_KEY)),
    "ingest-api opens a document": ("ingest-api", lambda at: at.wrapped.read(_KEY)),
    "operator opens a document": ("operator", lambda at: at.wrapped.read(_KEY)),
    "operator opens uploads": (
        "operator",
        lambda at: at.wrapped.read(f"keys/tenants/{DEFAULT_TENANT}.inbox"),
    ),
    "operator destroys a key": ("operator", lambda at: at.wrapped.delete(_KEY)),
    "ledger-api opens a tenant": ("ledger-api", lambda at: at.wrapped.read(_TENANTS_KEY)),
    "ledger-api lists keys": ("ledger-api", lambda at: list(at.wrapped.list("keys/"))),
}

_ON_KMS: Final[dict[str, Attack]] = {
    "eraser wraps": ("eraser", lambda at: at.kek.wrap(bytes(32), owner="d", name=_KEY)),
    "operator wraps": ("operator", lambda at: at.kek.wrap(bytes(32), owner="d", name=_KEY)),
    "operator exchanges the KEK": ("operator", lambda at: at.kek.renew()),
    "sequencer wraps": ("sequencer", lambda at: at.kek.wrap(bytes(32), owner="d", name=_KEY)),
    "ledger-api unwraps": (
        "ledger-api",
        lambda at: at.kek.unwrap(
            Wrapped(f"{at.kek_name}/cryptoKeyVersions/1", bytes(32)), owner="d", name=_KEY
        ),
    ),
    "ingest exchanges the KEK": ("ingest", lambda at: at.kek.renew()),
    "eraser destroys the KEK": (
        "eraser",
        lambda at: at.kek.destroy(f"{at.kek_name}/cryptoKeyVersions/1"),
    ),
    "sequencer makes itself a key": (
        "sequencer",
        lambda at: new_version(at.kms, at.log_key.partition("/cryptoKeyVersions/")[0]),
    ),
    "ledger asks for the log's key": ("ledger", lambda at: public_key(at.kms, at.log_key, ORIGIN)),
    # Two who sign can tell two histories; the keeper signs that a key joins.
    **{
        f"{name} signs": (name, lambda at: at.signer.sign(Checkpoint(ORIGIN, 1, bytes(32))))
        for name in (*DEPLOYABLES, *COMMANDS)
        if name not in {"sequencer", "keeper"}
    },
}

_ON_SECRETS: Final[dict[str, Attack]] = {
    "entrance reads another secret": (
        "entrance",
        lambda at: at.secret("projects/docledger-local/secrets/another/versions/1"),
    ),
    # Whoever has the token starts others' jobs.
    **{
        f"{name} reads the token": (name, lambda at: at.secret())
        for name in (*DEPLOYABLES, *COMMANDS)
        if name not in {"entrance", "register", "eraser", "ocr"}
    },
}

ATTACKS: Final[dict[str, Attack]] = {
    **_ON_OBJECTS,
    **_ON_LOGS,
    **_ON_WRAPPED,
    **_ON_KMS,
    **_ON_SECRETS,
}
"""By what it is: whose identity, and what is done in its name."""

KEYLESS: Final[dict[str, Callable[[Reach], object]]] = {
    "ingest": lambda at: at.objects.create("originals/d", b""),
    "entrance": lambda at: at.wrapped.create("keys/tenants/acme.ids", b""),
    "sequencer": lambda at: at.logs.create("acme/checkpoint", b""),
}
"""By identity, what it may write, with no key named."""
