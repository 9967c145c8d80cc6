"""Trouble inside the deployables, ordered by files: production code knows nothing of it.

``docledger up`` hands its environment to every deployable. With ``Sabotage.environment`` in it,
Python itself (``sitecustomize``) installs this module there: it notes whatever a handler is given
and does what is ordered for it. An order that is withdrawn is a fix that was deployed.
"""

import functools
import importlib.abc
import importlib.util
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Literal

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = "SABOTAGE"
STORAGE: Final = "STORAGE_EMULATOR_HOST"
PLATFORM: Final = "deploy.cloudrun.platform"

Does = Literal["die", "fail", "wait"]

_POLL_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Order:
    """What is to go wrong.

    Attributes:
        stage: in which worker.
        does: its process kills itself; the handler raises what nobody knows; or it waits until the
            order is withdrawn.
        subject: with which document; any when empty.
        tenant: of whose; anybody's when empty.
        canary: whether the worker's own canary fails as well.
    """

    stage: str
    does: Does
    subject: str = ""
    tenant: str = ""
    canary: bool = False


@dataclass(frozen=True, slots=True)
class Handled:
    """A handler was called.

    Attributes:
        stage: whose.
        event: its id.
        type: the event's.
        subject: the document, or the job.
        pid: where.
    """

    stage: str
    event: str
    type: str
    subject: str
    pid: int


class BrokenDeployError(Exception):
    """What a handler raises on order: nothing that we know."""


class Sabotage:
    """A folder of orders, and of what was noted. Made by a test before ``up`` is.

    Args:
        folder: made if need be.
        settings: environment variables of every deployable, over those that ``up`` gives them.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        start = folder / "start"
        start.mkdir(parents=True, exist_ok=True)
        (start / "sitecustomize.py").write_text(
            "import os\n"
            f"if '{FOLDER}' in os.environ and 'FUNCTION_TARGET' in os.environ:\n"
            "    from tests.e2e.sabotage import install\n"
            "    install()\n"
        )
        (folder / "settings.json").write_text(json.dumps(dict(settings or {})))
        self.environment = {FOLDER: str(folder), "PYTHONPATH": f"{start}{os.pathsep}{ROOT}"}
        self.order([])

    @property
    def storage(self) -> str | None:
        """Where the store really is; None before a deployable has told."""
        told = self.folder / "storage"
        return told.read_text() if told.exists() else None

    def order(self, orders: Iterable[Order]) -> None:
        """Have these things go wrong from now on, and no others."""
        whole = self.folder / "orders.new"
        whole.write_text(json.dumps([asdict(one) for one in orders]))
        whole.replace(self.folder / "orders.json")

    def handled(self, stage: str = "", subject: str = "") -> list[Handled]:
        """Return the calls of handlers so far, in order; of one stage, of one subject."""
        noted = self.folder / "handled.ndjson"
        written = noted.read_text() if noted.exists() else ""
        calls = written[: written.rfind("\n") + 1].splitlines()  # not one that is being written
        return [
            call
            for call in (Handled(**json.loads(line)) for line in calls)
            if call.stage == (stage or call.stage) and call.subject == (subject or call.subject)
        ]


def install() -> None:
    """Get in between platform and handlers; called by a deployable's Python as it starts."""
    folder = Path(os.environ[FOLDER])
    told = folder / "storage"
    settings = json.loads((folder / "settings.json").read_text())
    if STORAGE in settings and not told.exists():
        whole = folder / f"storage.{os.getpid()}"
        whole.write_text(os.environ[STORAGE])
        whole.replace(told)
    os.environ.update(settings)
    sys.meta_path.insert(0, _Between(folder))


class _Between(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads the platform as always, then changes how it makes an edge."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find_spec(
        self, fullname: str, _path: object = None, _target: object = None
    ) -> ModuleSpec | None:
        if fullname != PLATFORM:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        assert spec is not None
        assert spec.loader is not None
        self._loader = spec.loader
        spec.loader = self
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        made: Any = module.Platform.edge
        saboteur = _Saboteur(self._folder)

        @functools.wraps(made)
        def edge(
            platform: Any, stage: str, handle: Callable[[Any], Any], canary: Callable[[], object]
        ) -> Any:
            return made(
                platform, stage, saboteur.handler(stage, handle), saboteur.canary(stage, canary)
            )

        module.Platform.edge = edge


class _Saboteur:
    def __init__(self, folder: Path) -> None:
        self._orders = folder / "orders.json"
        self._noted = folder / "handled.ndjson"

    def handler(self, stage: str, handle: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def sabotaged(event: Any) -> Any:
            call = Handled(stage, event.id, event.type.value, event.subject, os.getpid())
            with self._noted.open("a") as noted:
                noted.write(json.dumps(asdict(call)) + "\n")
            for order in self._standing(stage, event.subject, event.tenant):
                self._obey(order, event)
            return handle(event)

        return sabotaged

    def canary(self, stage: str, canary: Callable[[], object]) -> Callable[[], object]:
        def sabotaged() -> object:
            if any(order.canary for order in self._standing(stage)):
                raise BrokenDeployError
            return canary()

        return sabotaged

    def _standing(self, stage: str, subject: str = "", tenant: str = "") -> list[Order]:
        orders = (Order(**one) for one in json.loads(self._orders.read_text()))
        return [
            order
            for order in orders
            if order.stage == stage
            and order.subject in {"", subject}
            and order.tenant in {"", tenant}
        ]

    def _obey(self, order: Order, event: Any) -> None:
        if order.does == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if order.does == "fail":
            raise BrokenDeployError
        while order in self._standing(order.stage, event.subject, event.tenant):
            time.sleep(_POLL_S)
