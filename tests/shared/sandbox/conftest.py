"""One pool for the tests that leave it as they found it."""

from collections.abc import Iterator

import pytest

from shared.sandbox.pool import Sandbox
from shared.sandbox.port import Limits

PACKAGES = ("shared", "services", "tests")
TASKS = "tests.shared.sandbox.tasks:"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Yield a pool with tight limits."""
    limits = Limits(memory_mb=512, cpu_s=1, wall_s=20, output_mb=4)
    with Sandbox(limits, packages=PACKAGES) as pool:
        yield pool
