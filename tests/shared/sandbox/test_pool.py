"""The pool: what a caller may rely on."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from shared.errors import PermanentError, TransientError
from shared.sandbox.inline import InlineSandbox
from shared.sandbox.pool import Sandbox
from shared.sandbox.port import JSON, Limits, SandboxError, TaskRunner
from shared.telemetry.reasons import QuarantineReason
from tests.e2e.commands import alive
from tests.waiting import PATIENCE_S, wait_until

PACKAGES = ("shared", "services", "tests")
TASKS = "tests.shared.sandbox.tasks:"


def reason_of(
    pool: TaskRunner, task: str, content: bytes = b"", parameters: Mapping[str, JSON] | None = None
) -> QuarantineReason:
    """Return why the pool gave the task up."""
    with pytest.raises(PermanentError) as caught:
        pool.run(TASKS + task, content, parameters or {})
    return caught.value.reason


@pytest.fixture(params=["pool", "inline"])
def runner(request: pytest.FixtureRequest, sandbox: Sandbox) -> TaskRunner:
    """Both implementations answer alike where no protection is asked for."""
    return sandbox if request.param == "pool" else InlineSandbox()


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_content_comes_back_as_the_task_returned_it(runner: TaskRunner, size: int) -> None:
    """Bytes must survive the way in and out, whatever their size."""
    content = os.urandom(size)
    assert runner.run(TASKS + "echo", content, {}) == content


def test_parameters_reach_the_task(runner: TaskRunner) -> None:
    """Limits such as the most pages travel as parameters."""
    answer = runner.run(TASKS + "say_parameters", b"", {"most": 3, "names": ["ä"]})
    assert answer == b'{"most": 3, "names": ["\\u00e4"]}'


def test_a_reason_crosses_as_itself(runner: TaskRunner) -> None:
    """A parser's verdict on a document must reach the edge unchanged."""
    assert reason_of(runner, "encrypted") is QuarantineReason.ENCRYPTED


def test_any_other_error_crosses_without_its_message(runner: TaskRunner) -> None:
    """Parsers put content into their messages; the type must be all that gets out."""
    with pytest.raises(SandboxError) as caught:
        runner.run(TASKS + "fail_with_content", b"IBAN DE02", {})
    assert str(caught.value) == TASKS + "fail_with_content raised ValueError"


def test_a_task_that_does_not_exist_is_no_fault_of_the_document(runner: TaskRunner) -> None:
    """A deployment's mistake must not put documents into quarantine."""
    with pytest.raises(SandboxError, match="ModuleNotFoundError"):
        runner.run("tests.nowhere:task", b"", {})


def test_inline_reports_memory_as_the_pool_does() -> None:
    """The simulation must see the same signals as production."""
    inline = InlineSandbox()
    with pytest.raises(PermanentError) as caught:
        inline.run("tests.shared.sandbox.tasks:raise_memory_error", b"", {})
    assert caught.value.reason is QuarantineReason.RESOURCE_EXHAUSTED


def test_a_child_cannot_talk_through_the_name_of_its_error(sandbox: Sandbox) -> None:
    """A taken-over child chooses the name; only a plain short identifier is repeated."""
    with pytest.raises(SandboxError, match="raised an error without a name"):
        sandbox.run(TASKS + "fail_with_a_named_type", b"secret: 12,50 EUR", {})


@pytest.mark.parametrize("task", ["eat_memory", "eat_memory_natively", "raise_memory_error"])
def test_memory_is_bounded_and_the_pool_works_on(sandbox: Sandbox, task: str) -> None:
    """A bomb must cost one child, not the worker."""
    assert reason_of(sandbox, task) is QuarantineReason.RESOURCE_EXHAUSTED
    assert sandbox.run(TASKS + "echo", b"next", {}) == b"next"


def test_processor_time_is_bounded_per_task_and_the_pool_works_on(sandbox: Sandbox) -> None:
    """A parser that loops must end, and the tasks before it must not count."""
    for _ in range(3):
        assert sandbox.run(TASKS + "spend", b"", {"seconds": 0.7}) == b"done"
    assert reason_of(sandbox, "spin") is QuarantineReason.RESOURCE_EXHAUSTED
    assert sandbox.run(TASKS + "echo", b"next", {}) == b"next"


def test_wall_time_is_bounded_and_the_pool_works_on() -> None:
    """A task that waits uses no processor time, but it uses up a child."""
    with Sandbox(Limits(wall_s=0.3), packages=PACKAGES) as pool:
        pool.protections()  # the start does not count
        assert reason_of(pool, "wait_forever") is QuarantineReason.RESOURCE_EXHAUSTED
        assert _eventually_echoes(pool)


def _eventually_echoes(pool: Sandbox) -> bool:
    """A busy machine may take longer than a tight wall time; then once more."""
    for _ in range(20):
        try:
            return pool.run(TASKS + "echo", b"x", {}) == b"x"
        except PermanentError:
            continue
    return False


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_is_the_documents_fault(sandbox: Sandbox, number: signal.Signals) -> None:
    """A parser that crashes on a document would crash on it again."""
    reason = reason_of(sandbox, "die", parameters={"signal": int(number)})
    assert reason is QuarantineReason.RESOURCE_EXHAUSTED
    assert sandbox.run(TASKS + "echo", b"next", {}) == b"next"


def test_a_kill_from_outside_is_tried_once_more(sandbox: Sandbox) -> None:
    """The kernel's memory killer or an operator must not condemn a sound document."""
    child = int(sandbox.run(TASKS + "process_id", b"", {}))
    os.kill(child, signal.SIGKILL)
    assert sandbox.run(TASKS + "echo", b"sound", {}) == b"sound"


def test_a_task_that_is_killed_twice_is_given_up(sandbox: Sandbox) -> None:
    """A document that draws the memory killer on itself must end somewhere."""
    reason = reason_of(sandbox, "die", parameters={"signal": int(signal.SIGKILL)})
    assert reason is QuarantineReason.RESOURCE_EXHAUSTED


def test_ctrl_c_and_termination_do_not_reach_a_task(sandbox: Sandbox) -> None:
    """Stopping the worker must let it finish or give back, not quarantine what it holds."""
    before = sandbox.run(TASKS + "process_id", b"", {})
    os.kill(int(before), signal.SIGINT)
    os.kill(int(before), signal.SIGTERM)
    assert sandbox.run(TASKS + "process_id", b"", {}) == before


def test_a_child_that_hangs_up_is_replaced(sandbox: Sandbox) -> None:
    """A taken-over child may stop talking; the pool must not wait for it."""
    assert reason_of(sandbox, "hang_up") is QuarantineReason.RESOURCE_EXHAUSTED
    assert sandbox.run(TASKS + "echo", b"next", {}) == b"next"


def test_an_answer_over_its_limit_is_refused(sandbox: Sandbox) -> None:
    """A small file must not unfold into the parent's memory."""
    reason = reason_of(sandbox, "too_much", parameters={"size": (4 << 20) + 1})
    assert reason is QuarantineReason.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("lie", ["wrong_status", "endless_answer", "unknown_reason"])
def test_a_forged_answer_hurts_nobody(sandbox: Sandbox, lie: str) -> None:
    """A taken-over child writes what it likes; it must end as an error of this task only."""
    with pytest.raises((PermanentError, SandboxError)):
        sandbox.run(TASKS + lie, b"", {})
    assert sandbox.run(TASKS + "echo", b"next", {}) == b"next"


def test_a_child_is_kept_warm_and_replaced_after_its_tasks() -> None:
    """Loading models again for every page would be slow; never starting afresh, unsafe."""
    with Sandbox(Limits(tasks=2), packages=PACKAGES) as pool:
        children = [pool.run(TASKS + "process_id", b"", {}) for _ in range(4)]
    assert children[0] == children[1]
    assert children[2] == children[3]
    assert children[0] != children[2]


def test_children_start_only_when_needed() -> None:
    """A worker that gets XML only must not pay for four idle children."""
    with Sandbox(Limits(), 4, packages=PACKAGES) as pool:
        assert len(pool._children) == 0
        first = pool.run(TASKS + "process_id", b"", {})
        assert pool.run(TASKS + "process_id", b"", {}) == first
        assert len(pool._children) == 1
    assert not psutil.pid_exists(int(first))


def test_tasks_of_several_threads_run_side_by_side() -> None:
    """One hostile document must not keep the others waiting."""
    with Sandbox(Limits(wall_s=60), 2, packages=PACKAGES) as pool:
        outcomes: list[BaseException] = []

        def hold() -> None:
            try:
                pool.run(TASKS + "wait_forever", b"", {})
            except TransientError as err:
                outcomes.append(err)

        waiting = threading.Thread(target=hold)
        waiting.start()
        wait_until(lambda: len(pool._children) == 1, what="a child holds a task")
        assert pool.run(TASKS + "echo", b"other", {}) == b"other"
        pool.close()
        waiting.join(PATIENCE_S)
    assert len(outcomes) == 1  # closing gives the task back: it is not the document's fault


def test_a_closed_pool_says_so() -> None:
    """A worker that shuts down must give its document back."""
    pool = Sandbox(Limits(), packages=PACKAGES)
    pool.close()
    pool.close()
    with pytest.raises(TransientError):
        pool.run(TASKS + "echo", b"", {})


def test_a_machine_that_cannot_start_children_is_an_outage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No memory for a process is nobody's document's fault."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with Sandbox(Limits(), packages=PACKAGES) as pool, pytest.raises(TransientError):
        pool.run(TASKS + "echo", b"", {})


def test_a_child_that_ends_before_it_is_ready_is_no_documents_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A broken installation must stop the worker, not condemn its documents."""
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with Sandbox(Limits(), packages=PACKAGES) as pool, pytest.raises(SandboxError):
        pool.run(TASKS + "echo", b"", {})


PARENT = """
import sys
from shared.sandbox.pool import Sandbox
from shared.sandbox.port import Limits
pool = Sandbox(Limits(), packages=("shared", "services", "tests"))
tasks = "tests.shared.sandbox.tasks:"
print(pool.run(tasks + "process_id", b"", {}).decode(), flush=True)
pool.run(tasks + "spin", b"", {})
"""


def test_children_die_with_a_killed_parent() -> None:
    """After kill -9 nothing may go on eating the machine or holding its memory."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert parent.stdout is not None
    with parent.stdout:
        child = psutil.Process(int(parent.stdout.readline()))
        wait_until(lambda: child.cpu_times().user > 0.1, what="it is in the middle of the task")
        parent.kill()
        parent.wait()
    wait_until(lambda: not alive(child), what="the child has ended")


@pytest.mark.parametrize("moment", ["sending", "working", "starting", "waiting", "trying again"])
def test_closing_gives_a_task_back_whatever_it_is_at(moment: str) -> None:
    """A deployment kills children at any moment: no document may be condemned for it."""
    tasks = 2 if moment == "waiting" else 1
    content = b"x" * (64 << 20) if moment == "sending" else b""
    outcomes: list[BaseException | bytes] = []
    with Sandbox(Limits(wall_s=60), packages=PACKAGES) as pool:
        if moment != "starting":
            pool.protections()

        def run() -> None:
            try:
                outcomes.append(pool.run(TASKS + "wait_forever", content, {}))
            except Exception as err:  # noqa: BLE001 - which one it is, is the question
                outcomes.append(err)

        threads = [threading.Thread(target=run) for _ in range(tasks)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(pool._children) == 1, what="a child is started")
        if moment == "trying again":
            (first,) = pool._children
            wait_until(lambda: first.tasks == 1, what="it has its task")
            os.kill(first._process.pid, signal.SIGKILL)
            wait_until(lambda: len(pool._children - {first}) == 1, what="another is started")
        pool.close()
        for thread in threads:
            thread.join(PATIENCE_S)
    assert len(outcomes) == tasks
    assert all(isinstance(outcome, TransientError) for outcome in outcomes)
