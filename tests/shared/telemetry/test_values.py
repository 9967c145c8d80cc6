"""Each kind of value admits what we make, and nothing that a document could hold."""

import math
from pathlib import Path

import pytest
import yaml

from shared.errors import TransientError
from shared.events.payloads import EventType
from shared.telemetry import values
from shared.telemetry.outcomes import DeliveryOutcome
from shared.telemetry.reasons import HeldReason, QuarantineReason, RefusedReason
from shared.telemetry.stages import Stage
from shared.telemetry.values import CHECKS, CODES, Kind, type_name

TOPOLOGY = Path(values.__file__).parents[2] / "infra" / "topology.yaml"


def test_every_subscription_of_the_topology_is_one() -> None:
    """A new subscription whose name does not fit would vanish from traces and figures."""
    names = yaml.safe_load(TOPOLOGY.read_text(encoding="utf-8"))["subscriptions"]
    check = CHECKS[Kind.SUBSCRIPTION]
    for name in names:
        assert check(name) == name
        assert check(f"{name}.dead") == f"{name}.dead"


def test_every_worker_of_the_topology_is_a_stage() -> None:
    """Whoever works also speaks."""
    topology = yaml.safe_load(TOPOLOGY.read_text(encoding="utf-8"))
    workers = {subscription["worker"] for subscription in topology["subscriptions"].values()}
    assert workers | set(topology["stages"]) <= set(Stage)


def test_reasons_outcomes_and_types_are_codes() -> None:
    """Callers pass them as strings, too."""
    for closed_set in (HeldReason, QuarantineReason, RefusedReason, DeliveryOutcome, EventType):
        assert {member.value for member in closed_set} <= CODES


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.ID, "a" * 40),
        (Kind.TRACE, "0a" * 16),
        (Kind.SPAN, "0a" * 8),
        (Kind.CODE, "encrypted"),
        (Kind.INTEGER, -3),
        (Kind.NUMBER, 1.5),
        (Kind.NUMBER, 2),
        (Kind.MODULE, "json"),
    ],
)
def test_values_of_a_kind_pass(kind: Kind, value: object) -> None:
    """What the code itself makes is shown."""
    assert CHECKS[kind](value) == value


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.ID, "A" * 40),
        (Kind.ID, "a" * 40 + "\n"),
        (Kind.ID, b"a" * 40),
        (Kind.TRACE, "a" * 31),
        (Kind.SPAN, "g" * 16),
        (Kind.CODE, "ada"),
        (Kind.CODE, 3),
        (Kind.SUBSCRIPTION, "ada.lovelace@example"),
        (Kind.SUBSCRIPTION, "Ada.Lovelace"),
        (Kind.INTEGER, True),
        (Kind.INTEGER, 2**63),
        (Kind.INTEGER, "3"),
        (Kind.NUMBER, math.nan),
        (Kind.NUMBER, -math.inf),
        (Kind.NUMBER, 2**80),
        (Kind.MODULE, "ada_lovelace"),
        (Kind.MODULE, 3),
        (Kind.ERROR, "ValueError"),
        (Kind.ERROR, ValueError),
    ],
)
def test_other_values_do_not_pass(kind: Kind, value: object) -> None:
    """Close is not enough: a value that is not of its kind is somebody's mistake."""
    assert CHECKS[kind](value) is None


def test_an_error_is_named_by_a_class_that_stands_in_a_module() -> None:
    """A class made at run time may be named after content."""
    made = type("Ada_Lovelace", (TransientError,), {})
    assert type_name(made()) == "TransientError"
    assert type_name(KeyError("x")) == "KeyError"
    lying = type("ada", (Exception,), {"__module__": "builtins"})
    assert type_name(lying()) == "Exception"
