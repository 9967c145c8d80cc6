"""gunicorn's configuration as it is, with deployables that a test names in ``HOSTED``."""

import importlib
import os
import sys

from deploy.cloudrun.gunicorn_conf import *  # noqa: F403 - the real one, whole


def post_fork(_server: object, _worker: object) -> None:
    """Put the test's deployables in the place of ours, in the worker alone."""
    sys.modules["deploy.cloudrun.deployables"] = importlib.import_module(os.environ["HOSTED"])
