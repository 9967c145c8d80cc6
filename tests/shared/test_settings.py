"""Settings come from the environment, once, and their mistakes are told in one line."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import Field, SecretStr, ValidationError, field_validator

from shared.errors import UserError
from shared.settings import Secret, Settings, SettingsError, unknown_variables

CANARY = "canary-8c1f"


class Reader(Settings):
    """A service's settings, as services write them."""

    section: ClassVar[str] = "reader"
    pages: Annotated[int, Field(ge=1)] = 20
    mode: Literal["fast", "exact"] = "exact"
    folder: Path = Path("data")
    colour: str = "red"

    @field_validator("colour")
    @classmethod
    def _known(cls, value: str) -> str:
        if value == "plaid":
            raise ValueError("is no colour\nthat we print")
        return value


class Caller(Settings):
    """Settings with a secret and without a section."""

    token: Secret


def test_defaults_hold_where_nothing_is_set() -> None:
    """An empty environment is production."""
    assert Reader.from_environment({}).pages == 20


def test_variables_override_defaults() -> None:
    """One name per setting: prefix, section, field."""
    settings = Reader.from_environment(
        {"DOCLEDGER_READER_PAGES": "7", "DOCLEDGER_READER_FOLDER": "/srv/x", "PAGES": "9"}
    )
    assert (settings.pages, settings.folder) == (7, Path("/srv/x"))


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """main.py reads without arguments."""
    monkeypatch.setenv("DOCLEDGER_READER_PAGES", "3")
    assert Reader.from_environment().pages == 3
    monkeypatch.setenv("DOCLEDGER_READER_PAGE", "3")
    assert any("DOCLEDGER_READER_PAGE " in line for line in unknown_variables([Reader]))


def test_an_empty_variable_counts_as_unset() -> None:
    """Compose files and unit files pass empty strings for what was left out."""
    assert Reader.from_environment({"DOCLEDGER_READER_PAGES": ""}).pages == 20


def test_settings_are_frozen() -> None:
    """What was read at start is what runs."""
    with pytest.raises(ValidationError):
        Reader.from_environment({}).pages = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("DOCLEDGER_READER_PAGES", CANARY, "unset it for the default"),
        ("DOCLEDGER_READER_PAGES", "0", "greater than or equal to 1"),
        ("DOCLEDGER_READER_MODE", CANARY, "should be 'fast' or 'exact'"),
        ("DOCLEDGER_READER_COLOUR", "plaid", "is no colour that we print"),
    ],
)
def test_a_wrong_value_is_told_in_one_line(variable: str, value: str, told: str) -> None:
    """The variable and what to do are named; the value is not shown, it may be a secret."""
    with pytest.raises(SettingsError) as caught:
        Reader.from_environment({variable: value})
    message = str(caught.value)
    assert message.startswith(variable)
    assert told in message
    assert "\n" not in message
    assert CANARY not in message
    assert isinstance(caught.value, UserError)


def test_two_mistakes_are_told_at_once() -> None:
    """Nobody should have to start the program once per mistake."""
    wrong = {"DOCLEDGER_READER_PAGES": "x", "DOCLEDGER_READER_MODE": "x"}
    with pytest.raises(SettingsError, match=r"READER_PAGES.*; DOCLEDGER_READER_MODE"):
        Reader.from_environment(wrong)


def test_a_missing_secret_names_both_ways_to_set_it() -> None:
    """A secret has no default; the error says where to put it."""
    with pytest.raises(SettingsError, match=r"^DOCLEDGER_TOKEN is not set.*DOCLEDGER_TOKEN_FILE"):
        Caller.from_environment({"DOCLEDGER_TOKEN": ""})


def test_a_secret_never_shows() -> None:
    """Settings are printed when things go wrong; secrets must not be in them."""
    settings = Caller.from_environment({"DOCLEDGER_TOKEN": CANARY})
    assert settings.token.get_secret_value() == CANARY
    for shown in (repr(settings), str(settings), f"{settings.model_dump()}", f"{settings.token}"):
        assert CANARY not in shown


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    """Mounted secrets are files; the newline that editors add is not part of them."""
    file = tmp_path / "token"
    file.write_text(f"{CANARY}\n")
    settings = Caller.from_environment({"DOCLEDGER_TOKEN_FILE": str(file)})
    assert settings.token.get_secret_value() == CANARY


def test_an_unreadable_secret_file_is_told(tmp_path: Path) -> None:
    """Naming the variable, not showing a traceback."""
    with pytest.raises(SettingsError, match="DOCLEDGER_TOKEN_FILE names a file"):
        Caller.from_environment({"DOCLEDGER_TOKEN_FILE": str(tmp_path / "absent")})


def test_a_secret_with_a_default_cannot_be_written() -> None:
    """The attack is a colleague in a hurry: the class itself refuses."""
    with pytest.raises(TypeError, match="must not have a default"):

        class _Hurried(Settings):
            password: Secret = SecretStr("changeme")


def test_unknown_variables_are_reported_with_the_likely_name() -> None:
    """A misspelt variable would silently leave the default in force."""
    environ = {
        "DOCLEDGER_READER_PAGE": "3",
        "DOCLEDGER_ZZZZ": "1",
        "DOCLEDGER_TOKEN_FILE": "x",
        "DOCLEDGER_DATA": "x",
        "OTHER": "x",
    }
    assert unknown_variables([Reader, Caller], environ) == [
        "DOCLEDGER_READER_PAGE is not a setting: did you mean DOCLEDGER_READER_PAGES?",
        "DOCLEDGER_ZZZZ is not a setting: unset it",
    ]
