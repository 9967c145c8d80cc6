"""What a child cannot do: each protection by the attack that it stops."""

import ctypes
import json
import os
import platform
import resource
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.sandbox.child import serve
from shared.sandbox.confine import (
    die_with_parent,
    leave_network,
    limit_processor_time,
    limit_resources,
    readable,
    refuse_event,
)
from shared.sandbox.frames import Status, receive_reply, send_request
from shared.sandbox.landlock import READ_FILE, restrict_files, ruleset_attributes
from shared.sandbox.pool import Sandbox
from shared.sandbox.port import JSON, Limits
from shared.sandbox.seccomp import filter_program, restrict_calls
from tests.waiting import PATIENCE_S

TASKS = "tests.shared.sandbox.tasks:"
LIBC = ctypes.CDLL(None, use_errno=True)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Return a file that no child may read."""
    path = tmp_path / "tenant.key"
    path.write_bytes(b"key")
    return path


def in_thread(function: Callable[[], object]) -> object:
    """Run where restrictions that last a thread's life end with it."""
    answers: list[object] = []
    thread = threading.Thread(target=lambda: answers.append(function()))
    thread.start()
    thread.join()
    return answers[0]


def test_a_child_has_no_keys_and_no_descriptors_but_its_own(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment and open files are where keys are."""
    monkeypatch.setenv("DOCLEDGER_KEK", "secret")
    found = json.loads(sandbox.run(TASKS + "surroundings", b"", {}))
    # LC_CTYPE: Python itself sets it where the locale is C.
    memory = {f"MALLOC_{name}" for name in ("ARENA_MAX", "MMAP_THRESHOLD_", "TRIM_THRESHOLD_")}
    assert set(found["environment"]) <= {"PYTHONPATH", "LANG", "LC_CTYPE", *memory}
    assert found["descriptors"] == [0, 1, 2, 3]  # null, null, null, the pool


def test_python_in_a_child_cannot_connect_start_signal_or_write(
    sandbox: Sandbox, secret: Path
) -> None:
    """The audit hook holds on every platform."""
    parameters: dict[str, JSON] = {"secret": str(secret), "parent": os.getpid()}
    answers = json.loads(sandbox.run(TASKS + "attack", b"", parameters))
    expected = {"socket", "subprocess", "fork", "signal", "write"}
    if "files" in sandbox.protections():
        expected |= {"read", "list", "environment"}
    assert {name for name, answer in answers.items() if answer == "PermissionError"} >= expected
    assert list(secret.parent.iterdir()) == [secret]


def test_native_code_in_a_child_cannot_either(sandbox: Sandbox, secret: Path) -> None:
    """An exploited parser does not ask Python."""
    held = sandbox.protections()
    if not {"calls", "files"} <= held:
        pytest.skip("needs seccomp on x86-64 or arm64, and Landlock (Linux 5.13 or newer)")
    parameters: dict[str, JSON] = {"secret": str(secret), "parent": os.getpid()}
    answers = json.loads(sandbox.run(TASKS + "native_attack", b"", parameters))
    assert answers == dict.fromkeys(answers, -1)


def test_a_child_sees_no_network(sandbox: Sandbox) -> None:
    """Even a socket that got through would have nowhere to go."""
    if "network_namespace" not in sandbox.protections():
        pytest.skip("needs user namespaces")
    lines = sandbox.run(TASKS + "interfaces", b"", {}).decode().splitlines()[2:]
    assert [line.split(":")[0].strip() for line in lines] == ["lo"]


def test_a_child_may_use_threads(sandbox: Sandbox) -> None:
    """The reading engine computes on several threads."""
    assert sandbox.run(TASKS + "threads", b"", {}) == b"xxxx"


def test_the_limits_of_a_life_are_set() -> None:
    """No file grows, no core is dumped, memory and descriptors end."""
    limits: dict[int, tuple[int, int]] = {}
    limit_resources(Limits(memory_mb=100, open_files=20), limits.__setitem__)
    assert limits == {
        resource.RLIMIT_AS: (100 << 20, 100 << 20),
        resource.RLIMIT_NOFILE: (20, 20),
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_CORE: (0, 0),
    }


def test_processor_time_counts_from_the_start_of_a_task() -> None:
    """What earlier documents used must not be taken from this one."""
    limits: dict[int, tuple[int, int]] = {}
    limit_processor_time(5, 12.7, limits.__setitem__)
    assert limits == {resource.RLIMIT_CPU: (18, resource.RLIM_INFINITY)}


def test_a_parent_that_died_first_ends_the_child() -> None:
    """Between starting and asking the kernel the parent may be gone."""
    with pytest.raises(SystemExit):
        die_with_parent(LIBC, parent=-1)
    LIBC.prctl(1, 0, 0, 0, 0)  # give the test process its life back


def test_a_namespace_is_left_or_said_not_to_be() -> None:
    """Where a machine refuses, the pool must know."""

    class Refusing:
        def unshare(self, _flags: int) -> int:
            return -1

    assert not leave_network(Refusing())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        ("socket.__new__", (None, 2, 1, 0)),
        ("subprocess.Popen", ("sh",)),
        ("open", ("/tmp/x", "w", os.O_WRONLY | os.O_CREAT)),
        ("os.kill", (1, 9)),
    ],
)
def test_the_audit_hook_refuses(event: str, arguments: tuple[object, ...]) -> None:
    """Each is something that a parser has no business with."""
    with pytest.raises(PermissionError):
        refuse_event(event, arguments)


@pytest.mark.parametrize(
    ("event", "arguments"),
    [("import", ("x",)), ("open", ("/x", "r", os.O_RDONLY)), ("open", ("/dev/null", "w", 1))],
)
def test_the_audit_hook_lets_reading_pass(event: str, arguments: tuple[object, ...]) -> None:
    """Modules are imported after the child is confined."""
    refuse_event(event, arguments)


def test_the_root_is_listed_but_not_read(tmp_path: Path) -> None:
    """A data folder with key files may lie beside the code."""
    rules = dict(readable(tmp_path, ["shared"]))
    assert rules[tmp_path] & READ_FILE == 0
    assert rules[tmp_path / "shared"] & READ_FILE


@pytest.mark.parametrize(("abi", "size"), [(1, 8), (3, 8), (4, 16), (5, 16), (6, 24), (9, 24)])
def test_file_rules_fit_the_kernels_version(abi: int, size: int) -> None:
    """A kernel refuses attributes that it does not know."""
    assert len(ruleset_attributes(abi)) == size


def test_file_rules_hold_in_the_thread_that_asked(tmp_path: Path, secret: Path) -> None:
    """Only what is allowed can be opened afterwards."""
    allowed = tmp_path / "allowed"
    allowed.write_bytes(b"x")

    def attempt() -> object:
        LIBC.prctl(38, 1, 0, 0, 0)
        if not restrict_files(LIBC, [(allowed, READ_FILE), (tmp_path / "gone", READ_FILE)]):
            return None
        return allowed.read_bytes(), LIBC.open(str(secret).encode(), os.O_RDONLY)

    answer = in_thread(attempt)
    if answer is None:
        pytest.skip("needs Landlock (Linux 5.13 or newer)")
    assert answer == (b"x", -1)
    assert secret.read_bytes() == b"key"


def test_file_rules_say_when_the_kernel_has_none() -> None:
    """What does not hold must not be claimed."""

    class Old:
        def syscall(self, *_arguments: object) -> int:
            return -1

    class Broken:
        answers = iter([7, -1])

        def syscall(self, *_arguments: object) -> int:
            return next(self.answers)

    assert not restrict_files(Old(), [])  # type: ignore[arg-type]
    assert not restrict_files(Broken(), [])  # type: ignore[arg-type]


def test_the_call_filter_holds_in_the_thread_that_asked() -> None:
    """A native socket call fails once the filter stands."""
    if filter_program(platform.machine()) is None:
        pytest.skip("has no filter for this machine")
    number = {"x86_64": 41, "aarch64": 198}[platform.machine()]

    def attempt() -> object:
        LIBC.prctl(38, 1, 0, 0, 0)
        return restrict_calls(LIBC) and LIBC.syscall(number, 2, 1, 0)

    assert in_thread(attempt) == -1


def test_an_unknown_machine_has_no_call_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter with wrong numbers would be worse than none."""
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert not restrict_calls(LIBC)


def test_the_filters_are_whole_instructions_for_each_machine() -> None:
    """Each machine has its own numbers; both filters end by allowing the rest."""
    programs = [filter_program("x86_64"), filter_program("aarch64")]
    for program in programs:
        assert program is not None
        assert len(program) % 8 == 0
        assert program[-8:] == b"\x06\x00\x00\x00\x00\x00\xff\x7f"
    assert programs[0] != programs[1]


def test_serving_ends_when_memory_did_or_the_pool_hangs_up() -> None:
    """A child whose heap is spent must not take another document."""
    for task, statuses in (
        ("tests.shared.sandbox.tasks:raise_memory_error", [Status.EXHAUSTED]),
        ("tests.shared.sandbox.tasks:echo", [Status.DONE]),
        ("tests.shared.sandbox.tasks:encrypted", [Status.PERMANENT]),
        ("tests.shared.sandbox.tasks:nothing", [Status.FAILED]),
    ):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            thread = threading.Thread(target=serve, args=(theirs, lambda: None, ["limits"]))
            thread.start()
            assert receive_reply(ours, most=99, deadline=1e9)[0] is Status.READY
            send_request(ours, task, b"x", {})
            assert [receive_reply(ours, most=99, deadline=1e9)[0]] == statuses
            ours.shutdown(socket.SHUT_RDWR)
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
