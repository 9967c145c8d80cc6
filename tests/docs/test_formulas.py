"""The figures of cost and capacity are those that their formulas make."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from shared.bus.topology import TOPOLOGY_FILE, load_topology
from tests.docs.named import ROOT
from tests.docs.tables import evaluated, number, plain, rows

COST: Final = (ROOT / "docs" / "cost.md").read_text(encoding="utf-8")
CAPACITY: Final = (ROOT / "docs" / "capacity.md").read_text(encoding="utf-8")
DAYS: Final = (10_000, 100_000, 1_000_000, 5_000_000)
_SHAPE: Final = re.compile(r"^ +(\w[\w-]*) += \{([^}]*)\}", re.MULTILINE)


def table_of(path: str) -> Any:
    """Return a YAML file of the repository."""
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def given(text: str, value: str) -> dict[str, float]:
    """Return what a document's tables say is to be set."""
    return {plain(row["name"]): number(row[value]) for row in rows(text, "name") if value in row}


def shapes() -> dict[str, float]:
    """Return concurrency and most instances of each deployable, as Terraform has them."""
    text = (ROOT / "infra/terraform/modules/facts/shapes.tf").read_text(encoding="utf-8")
    shape, _, shaped = text.partition("shapes = {")
    found = {}
    for name, inside in _SHAPE.findall(shaped):
        for field in ("concurrency", "most"):
            said = re.search(rf"\b{field} += (\d+)", inside) or re.search(
                rf"\b{field} += (\d+)", shape
            )
            if said:
                found[f"{field}_{name}"] = float(said[1])
    return found


def same(shown: float, made: float) -> bool:
    """Tell whether a figure is the other, as far as it is shown: three digits."""
    return shown == pytest.approx(made, rel=0.005)


def test_a_thousand_documents_cost_what_the_formulas_make() -> None:
    """A worked example that does not work teaches the wrong formula."""
    names = evaluated(COST, given(COST, "example"))
    shown = {
        plain(row["result"]): number(row["USD for 1,000 documents, with the examples"])
        for row in rows(COST, "stage")
    }
    assert len(shown) == 11
    assert [name for name, figure in shown.items() if not same(figure, names[name])] == []


def test_the_models_prices_are_those_in_use() -> None:
    """What is said to be known must be what the meter counts with."""
    prices = table_of("services/summarize/prices.yaml")["models"]["gemini-2.5-flash"]
    said = given(COST, "example")
    assert said["price_token_in"] == float(prices["input"])
    assert said["price_token_out"] == float(prices["output"])


def test_what_was_measured_is_said_once() -> None:
    """Two figures of one thing, and neither is believed."""
    measured = {row["what"]: number(row["figure"]) for row in rows(CAPACITY, "what")}
    said = given(CAPACITY, "value")
    assert said["sealed"] == measured["booked and sealed on PostgreSQL, batches of 5,000"]
    assert said["receipt_s"] == measured["a scanned receipt, read by the embedded reader"]
    assert f"| {said['receipt_s']} CPU-seconds a scanned receipt" in COST


@pytest.mark.parametrize("documents", DAYS)
def test_a_day_needs_what_the_formulas_make(documents: int) -> None:
    """Who raises quotas by this table must not find it wrong on the day."""
    names = evaluated(CAPACITY, {**given(CAPACITY, "value"), **shapes(), "documents": documents})
    shown = {
        plain(row["name"]): number(row[f"{documents:,} a day"])
        for row in rows(CAPACITY, "at the peak")
    }
    assert len(shown) == 16
    assert {
        name: (figure, names[name])
        for name, figure in shown.items()
        if not same(figure, names[name])
    } == {}


def test_what_binds_is_where_the_formulas_put_it() -> None:
    """The order in which things bind is what the page is read for."""
    names = evaluated(CAPACITY, {**given(CAPACITY, "value"), **shapes(), "documents": 1})
    bounds = {
        plain(row["name"]): number(row["documents a day"])
        for row in rows(CAPACITY, "name")
        if "documents a day" in row
    }
    assert {name: names[name] for name in bounds} == pytest.approx(bounds)
    said = [row["from about"] for row in rows(CAPACITY, "")][:5]
    assert said == [f"{int(figure):,} a day" for figure in sorted(bounds.values())]


def test_what_stands_elsewhere_is_what_stands_there() -> None:
    """A limit that was changed where it is used must not stay old here."""
    said, costs = given(CAPACITY, "value"), given(COST, "example")
    limits = table_of("services/ocr/processors.yaml")
    assert said["requests_a_minute"] == limits["limits"]["requests_per_minute"]
    assert said["pages_online"] == limits["processors"]["ocr"]["pages_online"]
    posts = {
        f"docledger.{event}.v1"
        for event in (
            "upload.arrived",
            "document.received",
            "document.read",
            "document.summarized",
            "entry.posted",
        )
    } | {"docledger.uploads.notified"}
    heard = [
        one for one in load_topology(TOPOLOGY_FILE).subscriptions.values() if one.topic in posts
    ]
    assert said["deliveries"] == costs["deliveries"] == len(heard)
    assert said["followed"] == sum(one.worker == "register" for one in heard)
    pool = Path(ROOT / "shared/database/postgres.py").read_text(encoding="utf-8")
    assert f"connections: int = {said['pool']:.0f})" in pool


@pytest.mark.parametrize("formula", ["x = y", "x = __import__('os')", "x = 2 ** 9", "x = (1).real"])
def test_a_formula_is_arithmetic_and_nothing_else(formula: str) -> None:
    """Text of a document is run by nobody."""
    with pytest.raises(ValueError, match="no arithmetic"):
        evaluated(f"```formulas\n{formula}\n```", {})


def test_a_wrong_figure_is_found() -> None:
    """The comparison is as sharp as what is shown."""
    assert same(34.7, 34.722)
    assert not same(34.7, 35.0)
