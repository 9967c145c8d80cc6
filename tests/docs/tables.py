"""Markdown tables and formulas of the documents, as values."""

import ast
import math
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

_FORMULAS: Final = re.compile(r"^```formulas\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_RULE: Final = re.compile(r":?-+:?")

_OPERATORS: Final[dict[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_FUNCTIONS: Final[dict[str, Callable[..., float]]] = {"ceil": math.ceil, "max": max, "min": min}

Row = dict[str, str]
"""By the heading of its column, a cell."""


def rows(text: str, first: str) -> Iterator[Row]:
    """Yield the rows of every table whose first column is headed so."""
    headings: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            headings = []
        elif not headings:
            headings = cells
        elif headings[0] == first and not all(_RULE.fullmatch(cell) for cell in cells):
            yield dict(zip(headings, cells, strict=True))


def plain(cell: str) -> str:
    """Return a cell without back quotes."""
    return cell.strip("`")


def number(cell: str) -> float:
    """Return the number at the head of a cell; thousands have commas."""
    return float(cell.split(maxsplit=1)[0].replace(",", ""))


def evaluated(text: str, given: dict[str, float]) -> dict[str, float]:
    """Return every name that the document's formulas make of what is given.

    Raises:
        ValueError: a formula is more than arithmetic over names.
    """
    names = dict(given)
    for block in _FORMULAS.findall(text):
        for line in block.splitlines():
            name, equals, formula = line.partition("=")
            if equals:
                names[name.strip()] = _value(ast.parse(formula.strip(), mode="eval").body, names)
    return names


def _value(node: Any, names: dict[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_value(left, names), _value(right, names))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_value(one, names) for one in args))
    raise ValueError(f"no arithmetic over known names: {ast.unparse(node)}")
