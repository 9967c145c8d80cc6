"""Links as one attribute, for a backend that takes links and does not give them back.

Cloud Trace's writing API (v2) has links; its only reading API (v1) has no field for them.
Attributes come back as labels, so a span's links are told there a second time:
``what:trace-span``, with commas between.
"""

import re
from collections.abc import Iterable
from typing import Final

from opentelemetry.trace import Link

from shared.telemetry.span_files import LinkedSpan
from shared.telemetry.spans import SpanAttribute

_TOLD: Final = re.compile(r"([a-z_]{1,32}):([0-9a-f]{32})-([0-9a-f]{16})")


def told(links: Iterable[Link]) -> str:
    """Return the text for links; those that say what they are."""
    return ",".join(
        f"{what}:{link.context.trace_id:032x}-{link.context.span_id:016x}"
        for link in links
        if (what := (link.attributes or {}).get(SpanAttribute.LINK.value))
    )


def heard(text: str) -> tuple[LinkedSpan, ...]:
    """Return the links of a text; what is malformed in it (its end was cut off) is none."""
    found = map(_TOLD.fullmatch, text.split(","))
    return tuple(LinkedSpan(one[2], one[3], one[1]) for one in found if one)
