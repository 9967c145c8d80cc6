"""A secret's value: every way to show one by accident."""

import copy
import json
import logging
import pickle
import traceback
from dataclasses import asdict, dataclass

import pytest
from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json

from shared.logging import get_logger
from shared.secrets.value import SecretValue
from shared.telemetry.log_events import LogEvent

NEEDLE = "n33dle-of-a-secret-that-nobody-may-see"


class Model(BaseModel):
    """Settings that somebody puts one into."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    token: SecretValue


@dataclass
class Holder:
    """An object that holds one."""

    token: SecretValue


@pytest.fixture
def secret() -> SecretValue:
    """Give one."""
    return SecretValue(NEEDLE.encode())


def test_only_reveal_shows_it(secret: SecretValue) -> None:
    """The attack: print it in every way there is."""
    assert secret.reveal() == NEEDLE.encode()
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>60}", f"{secret}", f"{[secret]}"]
    shown += [repr(Holder(secret)), repr(Model(token=secret)), str({1: secret})]
    assert not any("n33dle" in one for one in shown)
    assert not hasattr(secret, "__dict__")


def test_dumping_it_fails(secret: SecretValue) -> None:
    """A dump that works is one that is kept: in a queue, a cache, a crash report."""
    for dump in (
        lambda: pickle.dumps(secret),
        lambda: pickle.dumps(Holder(secret)),
        lambda: copy.copy(secret),
        lambda: copy.deepcopy(secret),
        lambda: asdict(Holder(secret)),
        lambda: json.dumps({"token": secret}),
    ):
        with pytest.raises(TypeError) as caught:
            dump()
        assert "n33dle" not in str(caught.value)
    for serialize in (lambda: to_json(secret), lambda: Model(token=secret).model_dump_json()):
        with pytest.raises(Exception, match="serialize") as refused:
            serialize()
        assert "n33dle" not in str(refused.value)


def test_it_is_neither_compared_nor_hashed(secret: SecretValue) -> None:
    """``==`` stops at the first byte that differs, which a clock can see."""
    with pytest.raises(TypeError):
        assert secret == SecretValue(NEEDLE.encode())
    with pytest.raises(TypeError):
        assert secret != b""
    with pytest.raises(TypeError):
        hash(secret)


def test_no_log_line_and_no_traceback_holds_it(secret: SecretValue) -> None:
    """An exception's locals and a careless log call are where secrets get out."""
    lines: list[str] = []
    log = get_logger("entrance", sink=lines.append)

    def careless(token: SecretValue) -> None:
        raise ValueError(token)

    with pytest.raises(ValueError, match="SecretValue") as caught:
        careless(secret)
    log.error(LogEvent.UNHANDLED_ERROR, error=caught.value, text=str(secret), token=secret)
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    lines += list(told.format())
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "%s %r", (secret, secret), None)
    lines.append(record.getMessage())
    assert lines
    assert not any("n33dle" in line for line in lines)
