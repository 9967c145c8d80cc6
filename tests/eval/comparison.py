"""When a value that was read equals the labelled one.

- names, addresses, ids: without case, spaces and punctuation (accents and letters count)
- dates: as ISO 8601
- amounts: as exact decimal numbers; signs count
- currency: the code
"""

import re
from decimal import Decimal

AMOUNTS = frozenset({"total_amount", "net_amount", "total_tax_amount"})
EXACT = frozenset({"invoice_date", "due_date", "currency"})


def plain(text: str) -> str:
    """Return the letters and digits of ``text`` in lower case."""
    return re.sub(r"[\W_]+", "", text.casefold())


def same(name: str, found: str, truth: str) -> bool:
    """Tell whether ``found`` is the labelled value of the field ``name``."""
    if name in AMOUNTS:
        return Decimal(found) == Decimal(truth)
    if name in EXACT:
        return found == truth
    return plain(found) == plain(truth)
