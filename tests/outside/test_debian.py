from pathlib import Path

import pytest

from tests.outside import debian


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On a laptop the test is passed over, and says what to install; in CI it fails."""
    for ask in (
        lambda: debian.program("no-such-program", package="no-such-package"),
        lambda: debian.folder(tmp_path / "none", package="no-such-package"),
    ):
        monkeypatch.delenv("CI", raising=False)
        with pytest.raises(pytest.skip.Exception, match="no-such-package is missing: 'make outs"):
            ask()
        monkeypatch.setenv("CI", "true")
        with pytest.raises(pytest.fail.Exception, match="no-such-package is missing: 'make outs"):
            ask()


def test_what_is_there_is_given(tmp_path: Path) -> None:
    """Most of the time."""
    assert Path(debian.program("sh", package="dash")).is_file()
    assert debian.folder(tmp_path, package="dash") == tmp_path
