"""What people state in YAML: in a file, or in a variable itself where no file is at hand."""

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from shared.errors import UserError

_S = TypeVar("_S", bound="Stated")


class Stated(BaseModel):
    """A part of it; what nobody knows is refused, and never repeated in a message."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def named(source: str, called: str) -> str:
    """Return what to call a source in a message: with its file, where it is one.

    Args:
        source: a file's path, or the YAML itself in braces.
        called: what it states, as "the budgets".
    """
    return called if _is_here(source) else f"{called} {source}"


def read_stated(kind: type[_S], source: str | None, called: str) -> _S:
    """Return what a source states; without one, what nothing states.

    Args:
        kind: the whole of what may be stated.
        source: a file's path; or, where no file is at hand, the YAML itself, in braces.
        called: what it states, for messages.

    Raises:
        UserError: it cannot be read, or states what there is not.
    """
    if source is None:
        return kind()
    its_name = named(source, called)
    try:
        said = yaml.safe_load(
            source if _is_here(source) else Path(source).read_text(encoding="utf-8")
        )
        return kind.model_validate(said if said is not None else {})
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as err:
        raise UserError(f"{its_name} cannot be read: correct the YAML, or its path") from err
    except ValidationError as err:
        first = err.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{its_name}, {where}: {first['msg']}") from err


def _is_here(source: str) -> bool:
    return source.lstrip().startswith("{")
