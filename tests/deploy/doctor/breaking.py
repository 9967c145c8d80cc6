"""Ways in which a project stops being as it should be."""

from collections.abc import Callable
from typing import Any, Final

from tests.emulators.googleapis import GoogleApis
from tests.emulators.googleapis_site import HERE, place_of

OTHER: Final = f"{HERE}/keyRings/docledger/cryptoKeys/other"

Break = Callable[[GoogleApis], None]


def put(place: str, path: str, value: Any) -> Break:
    """Return a change of one field; None takes it away."""

    def change(apis: GoogleApis) -> None:
        its: Any = apis.resources[place]
        *way, last = path.split(".")
        for name in way:
            its = its[int(name)] if name.isdigit() else its.setdefault(name, {})
        if value is None:
            del its[last]
        else:
            its[last] = value

    return change


def gone(place: str) -> Break:
    """Return that something is not there."""

    def change(apis: GoogleApis) -> None:
        del apis.resources[place]
        apis.policies.pop(place, None)

    return change


def new(place: str, **said: Any) -> Break:
    """Return that something is there that nobody knows of."""
    name = place.partition("/v1/")[2] or place.rpartition("/")[2]
    return lambda apis: apis.resources.update({place: {"name": name, **said}})


def bind(resource: str, role: str, member: str, expression: str | None = None) -> Break:
    """Return one binding more."""
    binding: dict[str, Any] = {"role": role, "members": [member]}
    if expression:
        binding["condition"] = {"title": "one", "expression": expression}
    return lambda apis: apis.policies[place_of(resource)].append(binding)


def unbind(resource: str, role: str, member: str) -> Break:
    """Return one binding less."""

    def change(apis: GoogleApis) -> None:
        policy = apis.policies[place_of(resource)]
        [found] = [one for one in policy if (one["role"], one["members"]) == (role, [member])]
        policy.remove(found)

    return change


def rebind(resource: str, role: str, member: str, **said: Any) -> Break:
    """Return one binding changed."""

    def change(apis: GoogleApis) -> None:
        policy = apis.policies[place_of(resource)]
        [found] = [one for one in policy if (one["role"], one["members"]) == (role, [member])]
        found.update(said)

    return change


def other_key(place: str, path: str) -> Break:
    """Return that something lies under another key."""
    return put(place, path, OTHER)
