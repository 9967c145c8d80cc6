"""Settings: read once from the environment, frozen after, with production defaults.

A service states its settings as a class, and main.py reads it::

    class OcrSettings(Settings):
        section: ClassVar[str] = "ocr"
        pages_per_range: Annotated[int, Field(ge=1)] = 20    # DOCLEDGER_OCR_PAGES_PER_RANGE
        api_token: Secret                                    # DOCLEDGER_OCR_API_TOKEN, or …_FILE

    settings = OcrSettings.from_environment()

Without a section the variable is ``DOCLEDGER_<FIELD>``. An empty variable counts as unset.
"""

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from shared.errors import UserError

PREFIX: Final = "DOCLEDGER_"

NOT_SETTINGS: Final = frozenset({"DOCLEDGER_DATA"})
"""Variables of ours that no setting reads: where the tests find their labelled documents."""

Secret = Annotated[SecretStr, Field(repr=False)]
"""A secret: no default, no repr; ``get_secret_value()`` where it is used. ``<VARIABLE>_FILE`` may
name a file that holds it instead."""


DatabaseUrl = Annotated[str, Field(pattern=r"^postgresql://[^:@/]*(@|/)[^?]*(\?.*)?$")]
"""Where PostgreSQL is: user, host and database. A password in it would be shown by ``repr``."""


class SettingsError(UserError):
    """The environment is wrong; one line names each variable and what to do."""


class Settings(BaseModel):
    """Base of every settings class.

    Attributes:
        section: comes between the prefix and the field's name in the variable, may be empty.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True
    )

    section: ClassVar[str] = ""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        """Refuse, at import, a secret that has a default: it would end up in production."""
        super().__pydantic_init_subclass__(**kwargs)
        for name in cls._secrets():
            if not cls.model_fields[name].is_required():
                raise TypeError(f"{cls.__name__}.{name} is a secret and must not have a default")

    @classmethod
    def variable(cls, field: str) -> str:
        """Return the name of the environment variable that sets ``field``."""
        return PREFIX + "_".join(part for part in (cls.section, field) if part).upper()

    @classmethod
    def variables(cls) -> frozenset[str]:
        """Return every variable that this class reads."""
        plain = {cls.variable(name) for name in cls.model_fields}
        return frozenset(plain | {f"{cls.variable(name)}_FILE" for name in cls._secrets()})

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings.

        Args:
            environ: what to read instead of the process's environment.

        Raises:
            SettingsError: a variable is missing or has a value that cannot be used. The message
                never shows a value.
        """
        environ = os.environ if environ is None else environ
        secrets = cls._secrets()
        values: dict[str, Any] = {}
        for name in cls.model_fields:
            variable = cls.variable(name)
            value = environ.get(variable) or None
            if value is None and name in secrets:
                value = _from_file(f"{variable}_FILE", environ)
            if value is not None:
                values[name] = value
        try:
            return cls(**values)
        except ValidationError as error:
            problems = "; ".join(cls._problem(dict(found)) for found in error.errors())
            raise SettingsError(problems) from None

    @classmethod
    def _secrets(cls) -> frozenset[str]:
        return frozenset(
            name for name, field in cls.model_fields.items() if field.annotation is SecretStr
        )

    @classmethod
    def _problem(cls, error: dict[str, Any]) -> str:
        """Say in one line what is wrong with which variable, and what to do."""
        name = str(error["loc"][0]) if error["loc"] else ""
        if name not in cls.model_fields:
            return " ".join(str(error["msg"]).split()).removeprefix("Value error, ")
        variable = cls.variable(name)
        if error["type"] == "missing":
            file = f" (or {variable}_FILE)" if name in cls._secrets() else ""
            return f"{variable} is not set: set it{file}"
        told = " ".join(str(error["msg"]).split())
        told = told.removeprefix("Value error, ").removeprefix("Input ")
        default = cls.model_fields[name]
        back = "" if default.is_required() else ", or unset it for the default"
        return f"{variable} {told}: correct it{back}"


def unknown_variables(
    known: Iterable[type[Settings]], environ: Mapping[str, str] | None = None
) -> list[str]:
    """Return one line for each ``DOCLEDGER_`` variable that none of the classes reads.

    A misspelt variable is otherwise a default that nobody wanted. The caller decides whether to
    warn or to refuse.
    """
    environ = os.environ if environ is None else environ
    expected = frozenset().union(*(settings.variables() for settings in known))
    lines = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in expected | NOT_SETTINGS:
            rests = sorted(variable.removeprefix(PREFIX) for variable in expected)
            near = difflib.get_close_matches(name.removeprefix(PREFIX), rests, n=1)
            told = f"did you mean {PREFIX}{near[0]}?" if near else "unset it"
            lines.append(f"{name} is not a setting: {told}")
    return lines


def _from_file(variable: str, environ: Mapping[str, str]) -> str | None:
    """Return the first line of the file that ``variable`` names, None where it names none."""
    path = environ.get(variable)
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        raise SettingsError(
            f"{variable} names a file that cannot be read: check the path and its permissions"
        ) from None
