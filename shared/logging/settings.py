"""How much of what libraries say is heard: ``DOCLEDGER_LOG_LEVEL``."""

import logging
from typing import Final, Literal

from shared.settings import Settings

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class LogSettings(Settings):
    """What every process reads before it listens to its libraries.

    Attributes:
        log_level: of libraries, records below it are dropped; lines of ours have no such choice.
    """

    log_level: Literal["debug", "info", "warning", "error"] = "warning"

    @property
    def level(self) -> int:
        """The standard library's number for it."""
        return _LEVELS[self.log_level]
