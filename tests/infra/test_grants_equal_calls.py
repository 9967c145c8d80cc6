"""Each identity's grants are what its adapters call: no less, or it cannot work, and no more."""

import ast
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from deploy.iam.calls import Need, given_by, load_calls, needs_of
from deploy.iam.matrix import Grant, load_matrix

ROOT: Final = Path(__file__).resolve().parents[2]
MATRIX: Final = load_matrix()
CALLS: Final = load_calls()
NEEDS: Final = needs_of(CALLS, MATRIX)
STATED: Final = tuple(grant for grant in MATRIX.grants if not grant.by_rule)

EXCESS: Final = {"run.jobs.run": "roles/run.invoker holds it, and a service is no job"}
"""What predefined roles hold beside what we use them for, and why it is harmless."""

_DEFINED: Final = (ast.ClassDef, ast.FunctionDef)

Place = tuple[str, str, str]


def _by_place(needs: Iterable[Need]) -> dict[Place, list[Need]]:
    found: dict[Place, list[Need]] = {}
    for need in needs:
        found.setdefault((need.identity, need.resource, need.permission), []).append(need)
    return found


def missing(grants: Iterable[Grant], needs: Iterable[Need]) -> list[Need]:
    """Return what adapters call and no grant allows."""
    given = _by_place(need for grant in grants for need in given_by(grant, MATRIX))
    return [
        need
        for need in needs
        if not any(
            one.covers(need)
            for one in given.get((need.identity, need.resource, need.permission), ())
        )
    ]


def idle(grants: Iterable[Grant]) -> list[Need]:
    """Return what grants allow and no adapter calls."""
    needs = _by_place(NEEDS)
    return [
        given
        for grant in grants
        for given in given_by(grant, MATRIX)
        if given.permission not in EXCESS
        and not any(
            need.covers(given)
            for need in needs.get((given.identity, given.resource, given.permission), ())
        )
    ]


def _name(grant: Grant) -> str:
    return f"{grant.identity}-{grant.role.removeprefix('roles/')}-{grant.resource}"


def test_every_call_is_granted() -> None:
    """A grant that is missing is found here, not by the first document in production."""
    assert missing(STATED, NEEDS) == []


def test_every_grant_is_needed() -> None:
    """Whoever takes a worker over gets what the worker needed, and nothing that was left over."""
    assert idle(STATED) == []


def test_no_grant_is_written_twice() -> None:
    """Taking one of two away would change nothing, and nobody would know why there are two."""
    assert len({_name(grant) for grant in STATED}) == len(STATED)


def _beside(grant: Grant) -> list[Grant]:
    """Return the other grants of the same identity there: no others would help it."""
    place = (grant.identity, grant.resource)
    return [one for one in STATED if one is not grant and (one.identity, one.resource) == place]


def _needs_beside(grant: Grant) -> list[Need]:
    """Return what a grant's identity needs where the grant is."""
    place = (grant.identity, grant.resource)
    return [need for need in NEEDS if (need.identity, need.resource) == place]


@pytest.mark.parametrize("grant", STATED, ids=_name)
def test_removing_a_grant_is_noticed(grant: Grant) -> None:
    """Each one by itself: none is covered by another."""
    assert missing(_beside(grant), _needs_beside(grant))


def test_removing_a_prefix_is_noticed() -> None:
    """A condition is part of its grant."""
    for grant in STATED:
        for prefix in grant.under if len(grant.under) > 1 else ():
            narrower = replace(grant, under=tuple(one for one in grant.under if one != prefix))
            assert missing([*_beside(grant), narrower], _needs_beside(grant)), (grant, prefix)
        for end in grant.ending if len(grant.ending) > 1 else ():
            narrower = replace(grant, ending=tuple(one for one in grant.ending if one != end))
            assert missing([*_beside(grant), narrower], _needs_beside(grant)), (grant, end)


def test_widening_a_grant_to_its_whole_bucket_is_noticed() -> None:
    """The condition is what keeps a worker out of the others' prefixes."""
    for grant in STATED:
        if grant.under or grant.ending:
            wider = replace(grant, under=(), except_=(), ending=())
            assert idle([wider]), grant
        if grant.ending:
            wider = replace(grant, ending=(*grant.ending, ".other"))
            assert idle([wider]), grant


@pytest.mark.parametrize("name", [name for name, one in CALLS.methods.items() if "." in one.module])
def test_a_declared_method_is_in_the_code(name: str) -> None:
    """A table of methods that nobody has any more would grant for nobody."""
    path = ROOT.joinpath(*CALLS.methods[name].module.split(".")).with_suffix(".py")
    body: list[ast.stmt] = ast.parse(path.read_text(encoding="utf-8")).body
    for part in name.split("."):
        named = [one for one in body if isinstance(one, _DEFINED) and one.name == part]
        assert named, part
        body = named[0].body
