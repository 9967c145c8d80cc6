"""Which files a person meant, and what a foreign name may show."""

import os
from pathlib import Path

import pytest

from deploy.local.files import expand, printable
from shared.errors import UserError


def made(folder: Path, *names: str) -> None:
    """Make empty files."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def told(folder: Path, *paths: Path, leave_out: Path | None = None) -> list[str]:
    """Return the expanded names, as seen from the folder."""
    return [str(found.relative_to(folder)) for found in expand(paths, leave_out=leave_out)]


def test_a_folder_means_every_file_below_it_sorted(tmp_path: Path) -> None:
    """The order is the same each time, so that outputs can be compared."""
    made(tmp_path, "b.pdf", "a/z.pdf", "a/b/c.pdf", "A.pdf")
    assert told(tmp_path, tmp_path) == ["A.pdf", "a/b/c.pdf", "a/z.pdf", "b.pdf"]


def test_files_stand_where_they_were_named_and_only_once(tmp_path: Path) -> None:
    """A file and its folder, both named, are not two submissions."""
    made(tmp_path, "in/b.pdf", "in/a.pdf")
    named = (tmp_path / "in/b.pdf", tmp_path / "in", tmp_path / "in" / ".." / "in" / "a.pdf")
    assert told(tmp_path, *named) == ["in/b.pdf", "in/a.pdf"]


def test_dotfiles_are_passed_over_in_folders_and_taken_when_named(tmp_path: Path) -> None:
    """Nobody means .DS_Store; who names a dotfile means it."""
    made(tmp_path, ".hidden/a.pdf", ".b.pdf", "c.pdf")
    assert told(tmp_path, tmp_path) == ["c.pdf"]
    assert told(tmp_path, tmp_path / ".b.pdf") == [".b.pdf"]


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    """A link to its own parent would be walked for ever."""
    made(tmp_path, "in/a.pdf")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    assert told(tmp_path, tmp_path / "in") == ["in/a.pdf", "in/loop"]


def test_our_own_data_folder_is_no_place_for_documents(tmp_path: Path) -> None:
    """`docledger run .` beside its own data folder must not take in what it wrote."""
    made(tmp_path, "a.pdf", "data/bus.sqlite", "data/objects/x")
    assert told(tmp_path, tmp_path, leave_out=tmp_path / "in" / ".." / "data") == ["a.pdf"]


def test_a_folder_that_cannot_be_opened_is_accounted_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its documents would be missing without a word."""
    made(tmp_path, "closed/a.pdf", "z.pdf")
    scandir = os.scandir

    def guarded(path: Path) -> object:
        if path.name == "closed":
            raise PermissionError
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    assert told(tmp_path, tmp_path) == ["closed", "z.pdf"]


def test_a_path_that_is_not_there_is_told_before_any_file_is_taken(tmp_path: Path) -> None:
    """Half a folder taken in, and then a typing mistake, is what nobody wants."""
    made(tmp_path, "a.pdf")
    with pytest.raises(UserError, match="no such file or folder"):
        next(expand([tmp_path / "a.pdf", tmp_path / "nosuch"]))


def test_a_broken_link_is_yielded(tmp_path: Path) -> None:
    """It is refused by name, not passed over."""
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert told(tmp_path, tmp_path / "link") == ["link"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain Üml", "plain Üml"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("\udcff", r"\udcff"),
        ("\u2028", r"\u2028"),
    ],
)
def test_printable_text_cannot_control_a_terminal(text: str, shown: str) -> None:
    """Escapes, C1 controls, right-to-left overrides, line separators and broken UTF-8."""
    assert printable(text) == shown
