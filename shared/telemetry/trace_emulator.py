"""Where spans go and come from, if not Cloud Trace: a variable for tests."""

import os
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field

from shared.production import refuse_in_production
from shared.settings import Settings

UNSAFE_VARIABLE: Final = "DOCLEDGER_UNSAFE_TRACE_EMULATOR"


class UnsafeTraceSettings(Settings):
    """The variable that is named for its danger.

    Attributes:
        unsafe_trace_emulator: ``host:port`` of a server that is taken for Cloud Trace, unencrypted
            and unauthenticated.
    """

    unsafe_trace_emulator: Annotated[str, Field(pattern=r"^[a-z0-9.-]+:[0-9]{1,5}$")] | None = None


def trace_emulator(environ: Mapping[str, str] | None = None) -> str | None:
    """Return where the emulator is; None where Cloud Trace itself is meant.

    Raises:
        UserError: production is told to believe what an emulator says.
    """
    environ = os.environ if environ is None else environ
    emulator = UnsafeTraceSettings.from_environment(environ).unsafe_trace_emulator
    if emulator:
        refuse_in_production(UNSAFE_VARIABLE, environ)
    return emulator
