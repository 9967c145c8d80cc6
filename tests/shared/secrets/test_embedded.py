"""Secrets of one machine."""

from pathlib import Path

import pytest

from shared.errors import TransientError
from shared.secrets.embedded import EnvironmentSecrets
from shared.secrets.port import MOST_BYTES, SecretUnusableError, SecretWithdrawnError


def test_a_variable_is_a_secret_too() -> None:
    """Cloud Run puts a pinned version into one where it is told to."""
    secrets = EnvironmentSecrets({"TOKEN": "value", "EMPTY": ""})
    assert secrets.read("env:TOKEN").reveal() == b"value"
    for name in ("env:EMPTY", "env:OTHER"):
        with pytest.raises(SecretWithdrawnError, match=name.removeprefix("env:")):
            secrets.read(name)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_an_editors_line_end_is_no_part_of_a_secret(tmp_path: Path, end: bytes) -> None:
    """``echo token > file`` is how people write them."""
    path = tmp_path / "token"
    path.write_bytes(b" value\n2" + end)
    assert EnvironmentSecrets({}).read(f"file:{path}").reveal() == b" value\n2"


def test_a_file_that_cannot_be_a_secret_is_refused(tmp_path: Path) -> None:
    """A wrong path must not fill the memory, nor look like an outage."""
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(MOST_BYTES * 1_000)
    for path in (huge, tmp_path, Path("/proc/self/mem/x")):
        with pytest.raises(SecretUnusableError):
            EnvironmentSecrets({}).read(f"file:{path}")
    with pytest.raises(TransientError):
        EnvironmentSecrets({}).read("file:/proc/self/mem")
