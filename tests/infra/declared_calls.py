"""Whether a call that was heard is one that ``infra/calls.yaml`` declares."""

from collections.abc import Iterable

from deploy.iam.calls import Calls
from deploy.iam.matrix import LIST, OBJECTS, Grant
from tests.infra.enforcing_rpc import Asked


def undeclared(asked: Iterable[Asked], calls: Calls) -> set[Asked]:
    """Return the calls that nobody declared: no method of theirs, or none of theirs there."""
    return {one for one in asked if not _declared(one, calls)}


def _declared(asked: Asked, calls: Calls) -> bool:
    used = calls.uses.get(asked.identity, {}).get(asked.resource, {})
    return any(
        set(asked.permissions) <= set(calls.methods[method].calls.get(asked.method, ()))
        and _reached(asked, prefixes)
        for method, prefixes in used.items()
    )


def _reached(asked: Asked, prefixes: tuple[str, ...]) -> bool:
    if asked.permissions == (LIST,) or not asked.method.startswith(OBJECTS):
        return True
    within = Grant(
        *(asked.identity, "", asked.resource, ""),
        under=tuple(one for one in prefixes if one[0] not in "!*"),
        except_=tuple(one[1:] for one in prefixes if one[0] == "!"),
        ending=tuple(one[1:] for one in prefixes if one[0] == "*"),
    )
    return within.reaches(asked.name)
