"""Whether a policy is what the table says, and nothing more. No I/O."""

import re
from collections.abc import Collection, Iterator
from typing import Any, Final

from deploy.doctor.installed import Binding, Installed
from deploy.doctor.lines import NOTHING, Line, Status, compared
from deploy.doctor.reading import UnseenError

CHECK: Final = "may"
GOOGLES: Final = "what Google grants itself"

_BY_ITSELF: Final = re.compile(r"roles/[a-zA-Z.]*[sS]erviceAgent\Z")
_CONVENIENCE: Final = re.compile(r"roles/storage\.legacy(Bucket|Object)(Owner|Reader|Writer)\Z")
_SYSTEMS: Final = r"(gcp-sa-[a-z0-9-]+|compute-system|service-networking)"


def bindings_in(policy: dict[str, Any]) -> frozenset[Binding]:
    """Return every member of every role.

    Raises:
        UnseenError: it is no policy.
    """
    found = set()
    try:
        for binding in policy.get("bindings", ()):
            condition = binding.get("condition") or {}
            expression = " ".join(str(condition.get("expression", "")).split())
            for member in binding.get("members", ()):
                found.add(Binding(str(binding["role"]), str(member), expression))
    except (AttributeError, KeyError, TypeError) as err:
        raise UnseenError("an API answers something else than a policy") from err
    return frozenset(found)


def judged(resource: str, found: Collection[Binding], its: Installed) -> Iterator[Line]:
    """Yield a line for each member of a role that should be there, and each that should not."""
    expected = its.bindings(resource)
    if not expected and not found:
        yield compared(resource, CHECK, NOTHING, NOTHING, same=True)
    extra = sorted(set(found) - expected)
    for one in sorted(expected):
        other = None if one in found else next((it for it in extra if _alike(it, one)), None)
        if other is not None:
            extra.remove(other)
        is_there = str(one) if one in found else str(other or NOTHING)
        yield compared(resource, CHECK, str(one), is_there, same=one in found)
    for one in extra:
        if _googles(one, its):
            yield Line(Status.ACCEPTED, resource, CHECK, GOOGLES, str(one))
        else:
            yield Line(Status.DIFFERS, resource, CHECK, NOTHING, str(one))


def _alike(found: Binding, expected: Binding) -> bool:
    """Tell whether one is meant to be the other: under another condition, or deleted."""
    member = found.member.removeprefix("deleted:").partition("?uid=")[0]
    return (found.role, member) == (expected.role, expected.member)


def _googles(one: Binding, its: Installed) -> bool:
    """Tell whether Google granted it by itself when an API was turned on or a bucket made.

    A bucket's is for whoever has a basic role on the project, which is a finding there.
    """
    if one.condition:
        return False
    if _CONVENIENCE.match(one.role):
        return one.member in {
            f"project{who}:{its.project}" for who in ("Owner", "Editor", "Viewer")
        }
    agents = {its.filled(template) for template in its.stated.agents.values()}
    email = one.member.removeprefix("serviceAccount:")
    system = rf"service-{its.number}@{_SYSTEMS}\.iam\.gserviceaccount\.com"
    known = email in agents or re.fullmatch(system, email) is not None
    return known and _BY_ITSELF.match(one.role) is not None
