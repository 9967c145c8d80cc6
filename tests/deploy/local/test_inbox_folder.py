"""An inbox folder: nothing is taken half written, moved before it is durable, or forgotten."""

from pathlib import Path

import pytest

from deploy.local.entrance import entrance_of
from deploy.local.house import House
from deploy.local.inbox_folder import InboxFolder
from shared.errors import TransientError
from shared.telemetry.reasons import RefusedReason


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "drop"
    path.mkdir()
    return path


@pytest.fixture
def inbox(house: House, folder: Path) -> InboxFolder:
    return InboxFolder(folder, entrance_of(house, "folder"))


def looked(inbox: InboxFolder) -> list[tuple[str, RefusedReason | None]]:
    """Look once; return names and reasons."""
    return [(path.name, reason) for path, reason in inbox.look()]


def uploads(house: House) -> int:
    """Return how many uploads lie in the store."""
    return len(list(house.objects.list("inbox/")))


def test_a_file_is_taken_at_the_second_look_and_moved_aside(
    house: House, folder: Path, inbox: InboxFolder
) -> None:
    """One look cannot tell whether it is still being written."""
    (folder / "sub").mkdir()
    (folder / "sub" / "a.txt").write_text("hello")
    assert looked(inbox) == []
    assert looked(inbox) == [("a.txt", None)]
    assert (folder / ".taken" / "sub" / "a.txt").read_text() == "hello"
    assert looked(inbox) == []
    assert uploads(house) == 1


def test_a_file_that_grows_is_left_until_it_rests(
    house: House, folder: Path, inbox: InboxFolder
) -> None:
    """Half a PDF would be quarantined, and the whole one a stranger."""
    file = folder / "a.txt"
    for text in ("h", "he", "hel"):
        file.write_text(text)
        assert looked(inbox) == []
    assert looked(inbox) == [("a.txt", None)]
    assert uploads(house) == 1


def test_the_same_name_again_does_not_overwrite_what_was_taken(
    folder: Path, inbox: InboxFolder
) -> None:
    """scan.pdf is what every scanner calls its files."""
    for text in ("one", "two", "three"):
        (folder / "scan.txt").write_text(text)
        looked(inbox)
        assert looked(inbox) == [("scan.txt", None)]
    taken = {path.name: path.read_text() for path in (folder / ".taken").iterdir()}
    assert taken == {"scan.txt": "one", "scan.txt.1": "two", "scan.txt.2": "three"}


def test_what_is_refused_goes_aside_with_its_reason(
    folder: Path, inbox: InboxFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It must not be looked at for ever, nor vanish."""
    monkeypatch.setattr("deploy.local.entrance.MOST_BYTES", 3)
    (folder / "big.txt").write_text("hello")
    looked(inbox)
    assert looked(inbox) == [("big.txt", RefusedReason.TOO_LARGE)]
    assert (folder / ".refused" / "big.txt").exists()


def test_a_file_stays_where_the_store_is_away(
    house: House, folder: Path, inbox: InboxFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is moved only after its bytes are durable."""
    (folder / "a.txt").write_text("hello")
    looked(inbox)

    def away(_events: object) -> None:
        raise TransientError("the bus is unavailable")

    with monkeypatch.context() as patch:
        patch.setattr(house.bus, "publish", away)
        with pytest.raises(TransientError):
            looked(inbox)
    assert (folder / "a.txt").exists()
    assert looked(inbox) == [("a.txt", None)]


def test_what_vanishes_and_what_leads_nowhere_is_passed_over(
    folder: Path, inbox: InboxFolder
) -> None:
    """A person may take a file back; a broken link is no file yet."""
    (folder / "a.txt").write_text("hello")
    (folder / "link").symlink_to(folder / "nowhere")
    looked(inbox)
    (folder / "a.txt").unlink()
    assert looked(inbox) == []


def test_a_folder_that_is_gone_is_no_crash(folder: Path, inbox: InboxFolder) -> None:
    """A network share comes and goes."""
    folder.rmdir()
    folder.with_name("drop").mkdir()
    assert looked(inbox) == []
