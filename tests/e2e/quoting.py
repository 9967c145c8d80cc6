"""Exceptions that quote documents, raised inside the deployables from a test.

``docledger up`` hands its environment to every deployable. With ``Quoting.environment`` in it,
Python itself (``sitecustomize``) installs this module there: handlers, adapters and the front door
then raise, now and again, what holds everything that they were given.
"""

import functools
import importlib.abc
import importlib.util
import json
import os
import sys
import threading
from collections.abc import Callable, Iterable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from shared.errors import TransientError
from tests.e2e.commands import ROOT

FOLDER: Final = "QUOTING"

PLACES: Final = (
    "deploy.cloudrun.platform:Platform.edge",
    "services.ingest.adapters.uploads:GcsUploads.open",
    "services.ingest.adapters.uploads:GcsUploads.delete",
    "services.ingest.api_door:FrontDoor.submit",
    "services.ingest.api_door:FrontDoor.job",
    "services.ingest.follower:Follower.receive",
    "services.ledger.adapters.published_folder:_Folder.read",
    "services.ledger.sequencer:Sequencer.step",
    "shared.bus.pubsub:PubsubPublisher.publish",
    "shared.objects.gcs:GcsObjects.create",
    "shared.objects.gcs:GcsObjects.read",
)
"""What is made to fail; for an edge it is its handler."""

UNKNOWN_CALL: Final = 3
TRANSIENT_CALL: Final = 6
"""Of a process, to one place: these raise. All others do what they always do."""


class Quoting:
    """A folder of words to quote, and of what was raised. Made by a test before ``up`` is.

    Args:
        folder: made if need be.
        word_at: returns the word of a place.
    """

    def __init__(self, folder: Path, word_at: Callable[[str], str]) -> None:
        start = folder / "start"
        start.mkdir(parents=True)
        (start / "sitecustomize.py").write_text(
            "import sys\n"
            "if any('deploy.cloudrun' in one for one in sys.orig_argv):\n"
            "    from tests.e2e.quoting import install\n"
            "    install()\n"
        )
        words = {place: word_at(f"exception in {place}") for place in PLACES}
        (folder / "words.json").write_text(json.dumps(words))
        self._raised = folder / "raised"
        self.environment = {FOLDER: str(folder), "PYTHONPATH": f"{start}{os.pathsep}{ROOT}"}

    @property
    def raised(self) -> list[tuple[str, str]]:
        """What was raised, and where: type and place."""
        written = self._raised.read_text() if self._raised.exists() else ""
        lines = written[: written.rfind("\n") + 1].splitlines()  # not one that is being written
        return [tuple(line.split(" ", 1)) for line in lines]  # type: ignore[misc]  # two parts


def install() -> None:
    """Get in between; called by a deployable's Python as it starts."""
    folder = Path(os.environ[FOLDER])
    sys.meta_path.insert(0, _Between(folder, json.loads((folder / "words.json").read_text())))


class _Between(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads modules as always, then changes what they define."""

    def __init__(self, folder: Path, words: dict[str, str]) -> None:
        self._raised = folder / "raised"
        self._words = words
        self._loaders: dict[str, Any] = {}
        self._asked = threading.local()

    def find_spec(
        self, fullname: str, _path: object = None, _target: object = None
    ) -> ModuleSpec | None:
        if not self._of(fullname) or getattr(self._asked, "name", None) == fullname:
            return None
        self._asked.name = fullname
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._asked.name = None
        assert spec is not None
        self._loaders[fullname] = spec.loader
        spec.loader = self
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self._loaders[spec.name].create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        self._loaders[module.__name__].exec_module(module)
        for place in self._of(module.__name__):
            owner, _, name = place.partition(":")[2].partition(".")
            kind = getattr(module, owner)
            method = getattr(kind, name)
            quotes = _Quotes(place, self._words[place], self._raised)
            changed = quotes.edge(method) if name == "edge" else quotes.calling(method)
            setattr(kind, name, changed)

    def _of(self, module: str) -> Iterable[str]:
        return [place for place in self._words if place.partition(":")[0] == module]


class _Quotes:
    """Makes one function raise, every process from its first call on."""

    def __init__(self, place: str, word: str, raised: Path) -> None:
        self._place = place
        self._word = word
        self._raised = raised
        self._calls = 0
        self._counting = threading.Lock()
        self._doomed = ""

    def calling(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``function``, but for the calls that raise."""

        @functools.wraps(function)
        def quoting(*given: Any, **named: Any) -> Any:
            with self._counting:
                self._calls += 1
                call = self._calls
            if call == UNKNOWN_CALL:
                self._note("unknown")
                self._elsewhere()
                self._raise_unknown(given, named)
            if call == TRANSIENT_CALL:
                self._note("transient")
                raise TransientError(self._quote(given, named))
            return function(*given, **named)

        return quoting

    def edge(self, made: Callable[..., Any]) -> Callable[..., Any]:
        """Return what makes an edge, of a handler that raises; always for one document."""

        @functools.wraps(made)
        def edge(platform: Any, stage: str, handle: Any, canary: Any) -> Any:
            often = self.calling(handle)

            def handler(event: Any) -> Any:
                if stage == "summarize" and event.subject == (self._doomed or event.subject):
                    self._doomed = event.subject
                    self._note("doomed")
                    self._raise_unknown((event, event.data), {})
                return often(event)

            return made(platform, stage, handler, canary)

        return edge

    def _quote(self, given: object, named: object) -> str:
        return f"{self._word}: {given!r} {named!r}"

    def _raise_unknown(self, given: object, named: object) -> None:
        quote = self._quote(given, named)
        kind = type(self._word, (ValueError,), {})
        error: ValueError = kind(quote, given)
        error.add_note(quote)
        raise error from UnicodeDecodeError("utf-8", quote.encode(), 0, 1, quote)

    def _elsewhere(self) -> None:
        """Raise where nobody catches: in a thread, and in a destructor."""

        def fail() -> None:
            raise ValueError(self._word)

        class Dying:
            def __del__(self) -> None:
                fail()

        thread = threading.Thread(target=fail, name=self._word[:15])
        thread.start()
        thread.join()
        del thread
        Dying()

    def _note(self, what: str) -> None:
        with self._raised.open("a") as raised:
            raised.write(f"{what} {self._place}\n")
