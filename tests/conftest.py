"""What every test stands on."""

from hypothesis import HealthCheck, settings

pytest_plugins = ("tests.emulators.postgres", "tests.emulators.pubsub", "tests.emulators.storage")

# The machines are shared: a slow example is no failure of the code.
settings.register_profile(
    "docledger", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("docledger")
