"""What every test stands on."""

from itertools import chain, groupby
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = (
    "tests.emulators.postgres",
    "tests.emulators.pubsub",
    "tests.emulators.storage",
    "tests.outside.gosumdb",
)

# The machines are shared: a slow example is no failure of the code.
settings.register_profile(
    "docledger", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("docledger")

UNTRACED: Final = {"e2e", "simulation"}
"""Rooms whose tests take long: tracing would double it, and each module has tests of its own."""


@pytest.hookimpl(trylast=True)  # whatever the order, they come first
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what takes long begin first and run at its own speed, and the last of a file end it."""
    for item in items:
        if UNTRACED.intersection(item.path.parts):
            item.add_marker("no_cover")
    items.sort(key=lambda item: item.get_closest_marker("no_cover") is None)
    files = [list(of_file) for _, of_file in groupby(items, key=lambda item: item.path)]
    for of_file in files:
        of_file.sort(key=lambda item: item.get_closest_marker("last") is not None)
    items[:] = chain.from_iterable(files)


@pytest.fixture(autouse=True)
def untraced_processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the processes of such tests do without tracing too."""
    if request.node.get_closest_marker("no_cover") is not None:
        monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
