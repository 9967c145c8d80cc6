"""What every command shares: errors of one line, exit codes, formats."""

import functools
import os
import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Final, ParamSpec

import typer

from deploy.local.files import printable
from shared.errors import TransientError, UserError
from shared.production import JOB

P = ParamSpec("P")

_REFUSALS: Final = frozenset({"42501", "42P01"})
"""Insufficient privilege; undefined table, which is what a schema looks like to who may not use it.

Source: PostgreSQL, "Error Codes".
"""

_REFUSED: Final = (
    "the database refused this login: another job is for this command (docs/operations.md), or its "
    "account is not yet a member of the roles that infra/iam.yaml gives it"
)


class Format(StrEnum):
    """How results are printed."""

    TABLE = "table"
    JSON = "json"


FormatOption = Annotated[
    Format, typer.Option("--format", help="A table for people, JSON Lines for programs.")
]


def friendly(command: Callable[P, int | None]) -> Callable[P, None]:
    """Turn a person's mistake or an outage into one line and an exit code.

    In a job anything else, too: a traceback quotes what could not be parsed.
    """

    @functools.wraps(command)
    def run_command(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = command(*args, **kwargs) or 0
            sys.stdout.flush()  # a reader that has gone is noticed here
        except UserError as error:
            code = told(str(error), 2)
        except TransientError as error:
            code = told(_what_waits(error), 1)
        except KeyboardInterrupt:
            code = told("interrupted; give the same command again and it goes on", 130)
        except BrokenPipeError:
            # The reader has gone; what Python would still flush must go nowhere, quietly.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 0
        except OSError as error:
            where = f"{printable(error.filename)}: " if error.filename else ""
            code = told(f"cannot go on: {where}{error.strerror or 'no input or output'}", 1)
        except (typer.Abort, typer.Exit):
            raise
        except Exception as error:  # noqa: BLE001 - it is raised again, or logged without content
            code = told(_what_broke(error), 1)
        raise typer.Exit(code)

    return run_command


def _what_waits(error: TransientError) -> str:
    """Return a line about what may work later: by itself, or when somebody has mended it."""
    # Asked without SQLAlchemy, for which --help would wait.
    refusal = getattr(error.__cause__, "orig", None)
    if getattr(refusal, "sqlstate", None) in _REFUSALS:
        return _REFUSED
    return f"not now: {error}; give the same command again"


def _what_broke(error: Exception) -> str:
    """Return a line about an unknown error; where a person sits at a screen, raise it again.

    Type and place: the message may quote what it was about, and what a job says is logged.
    """
    if JOB not in os.environ:
        raise error
    from shared.worker.giving_up import place_of  # noqa: PLC0415 - --help must not wait for it

    return f"broke off: {place_of(error)}"


def told(line: str, code: int) -> int:
    """Say one line to the person; return the exit code."""
    print(f"docledger: {line}", file=sys.stderr)  # noqa: T201 - a command speaks
    return code
