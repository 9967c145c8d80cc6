"""Settings that say which account acts for which tenant: ``email=tenant,email=tenant``."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator

ANYBODY: Final = "anybody"
"""The account of every caller where nobody is asked who they are."""

EVERY_TENANT: Final = "*"

_ACCOUNT: Final = re.compile(rf"[a-z0-9._+-]+@[a-z0-9.-]+|{ANYBODY}")
_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def parse_callers(value: object) -> object:
    """Return tenants by account, one tenant an account.

    Raises:
        ValueError: it is not ``account=tenant,…``; the message shows nothing of it.
    """
    grants = parse_readers(value)
    if isinstance(grants, dict) and any(
        len(tenants) != 1 or EVERY_TENANT in tenants for tenants in grants.values()
    ):
        raise ValueError("gives an account more than one tenant")
    return grants


def parse_readers(value: object) -> object:
    """Return tenants by account; an account may stand there several times, and ``*`` is all.

    Raises:
        ValueError: it is not ``account=tenant,…``; the message shows nothing of it.
    """
    if not isinstance(value, str):
        return value
    grants: dict[str, frozenset[str]] = {}
    for pair in value.split(","):
        account, _, tenant = (part.strip() for part in pair.partition("="))
        account = account.lower()
        known = tenant == EVERY_TENANT or _TENANT.fullmatch(tenant)
        if not _ACCOUNT.fullmatch(account) or not known:
            raise ValueError("is not account=tenant,account=tenant")
        grants[account] = grants.get(account, frozenset()) | {tenant}
    return grants


CallerGrants = Annotated[dict[str, frozenset[str]], BeforeValidator(parse_callers)]
"""Who may hand in, for one tenant each."""

ReaderGrants = Annotated[dict[str, frozenset[str]], BeforeValidator(parse_readers)]
"""Who may read, and whose."""
