"""What a deployable that was taken over would try with others' objects, and must be denied."""

from collections.abc import Callable
from typing import Final

from deploy.local.house import DEFAULT_TENANT
from shared.objects.gcs import GcsObjects

Attack = tuple[str, Callable[[GcsObjects], object]]

_CHECKPOINT: Final = f"{DEFAULT_TENANT}/checkpoint"
_TILE: Final = f"{DEFAULT_TENANT}/tile/0/000"

ON_OBJECTS: Final[dict[str, Attack]] = {
    "ocr reads uploads": ("ocr", lambda store: store.read("inbox/default/1")),
    "ocr writes a summary": ("ocr", lambda store: store.create("results/summarize/d/1", b"{}")),
    "summarize reads an original": ("summarize", lambda store: store.read("originals/d")),
    "ledger rewrites a summary": (
        "ledger",
        lambda store: store.replace("results/summarize/d/1", b"{}", generation=1),
    ),
    "entrance reads what was read": ("entrance", lambda store: store.read("results/ocr/d/1")),
    "ingest takes another's lease": ("ingest", lambda store: store.delete("leases/ocr/d/1")),
    "eraser deletes a tombstone": ("eraser", lambda store: store.delete("tombstones/d")),
    "register deletes a tombstone": ("register", lambda store: store.delete("tombstones/d")),
    "sequencer opens documents": ("sequencer", lambda store: store.read("originals/d")),
    "ingest-api reads originals": ("ingest-api", lambda store: store.read("originals/d")),
    "ledger-api lists documents": ("ledger-api", lambda store: list(store.list("originals/"))),
}
"""By what it is: whose identity, and what is done in the bucket of sealed objects."""

ON_LOGS: Final[dict[str, Attack]] = {
    "sequencer deletes a tile": ("sequencer", lambda store: store.delete(_TILE)),
    "sequencer rewrites a tile": (
        "sequencer",
        lambda store: store.replace(_TILE, b"", generation=1),
    ),
    "sequencer takes a key back": (
        "sequencer",
        lambda store: store.delete(f"{DEFAULT_TENANT}.vkey"),
    ),
    "ledger reads logs": ("ledger", lambda store: store.read(_CHECKPOINT)),
    "ledger publishes": ("ledger", lambda store: store.create("acme/checkpoint", b"")),
    "ledger-api publishes": ("ledger-api", lambda store: store.create("acme/checkpoint", b"")),
    "ledger-api rewrites": (
        "ledger-api",
        lambda store: store.replace(_CHECKPOINT, b"", generation=1),
    ),
    "eraser deletes a checkpoint": ("eraser", lambda store: store.delete(_CHECKPOINT)),
}
"""The same, where logs are published."""
