"""What a seed brings: one to six documents, and what people do with them."""

import random
from dataclasses import dataclass
from typing import Final

from shared.events.payloads import DocumentType
from shared.telemetry.reasons import HeldReason
from tests.simulation.papers import Illness, Paper
from tests.simulation.people import Errand, Matter
from tests.simulation.world import TENANTS

_TYPES: Final = (
    DocumentType.INVOICE,
    DocumentType.INVOICE,
    DocumentType.RECEIPT,
    DocumentType.CREDIT_NOTE,
    DocumentType.LETTER,
)
_STAGES: Final = ("ingest", "ocr", "summarize")

SPAN_S: Final = 60.0
"""People do what they do within so many seconds of the start."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What happens to the house from outside.

    Attributes:
        matters: every document, attachments included.
        errands: while things go wrong.
        afterwards: when all is quiet.
    """

    matters: tuple[Matter, ...]
    errands: list[Errand]
    afterwards: list[Errand]


def workload_of(rng: random.Random) -> Workload:
    """Return a seed's workload."""
    papers: list[Paper] = []
    for number in range(rng.randint(1, 6)):
        papers.append(_paper(rng, number, papers))
    matters: list[Matter] = []
    errands: list[Errand] = []
    afterwards: list[Errand] = []
    for paper in papers:
        matter = Matter(rng.choice(TENANTS) if rng.random() < 0.2 else TENANTS[0], paper)
        matters += [matter, *(Matter(matter.tenant, part) for part in paper.parts)]
        errands.append(Errand(rng.random() * SPAN_S, "submit", matter))
        if rng.random() < 0.25:  # the same bytes again
            errands.append(Errand(rng.random() * 2 * SPAN_S, "submit", matter, copy=1))
        if rng.random() < 0.2:
            chosen = rng.choice([matter, *(Matter(matter.tenant, p) for p in paper.parts)])
            errands.append(Errand(rng.random() * 2 * SPAN_S, "erase", chosen))
            if rng.random() < 0.5:
                afterwards.append(Errand(0, "submit", matter, copy=2))
        for sick in (one for one in (paper, *paper.parts) if one.is_sick):
            one = Matter(matter.tenant, sick)
            if rng.random() < 0.3:
                errands.append(Errand(rng.random() * SPAN_S, "fix", one))
                errands.append(Errand(rng.random() * 3 * SPAN_S, "replay", one))
            if rng.random() < 0.5:
                afterwards += [Errand(0, "fix", one), Errand(1, "replay", one)]
    if rng.random() < 0.1:
        errands.append(Errand(rng.random() * SPAN_S, "submit", Matter(TENANTS[0], None)))
    return Workload(tuple(matters), errands, afterwards)


def _paper(rng: random.Random, number: int, before: list[Paper]) -> Paper:
    if rng.random() < 0.12:
        parts = tuple(_sheet(rng, 100 * (number + 1) + part) for part in range(rng.randint(1, 2)))
        return Paper(number, type=None, parts=parts)
    if before and rng.random() < 0.08:
        twin = rng.choice(before)
        if twin.type is not None:  # the same invoice in other bytes
            return Paper(number, twin.type, net=twin.net, tax=twin.tax, invoice=twin.invoice)
    return _sheet(rng, number)


def _sheet(rng: random.Random, number: int) -> Paper:
    pages = rng.choice((1, 1, 1, 2, 3, 5))
    illness = rng.choice(list(Illness)) if rng.random() < 0.3 else None
    doubt = HeldReason.TOTAL_MISMATCH if rng.random() < 0.1 else None
    return Paper(
        number,
        rng.choice(_TYPES),
        pages=pages,
        net=rng.randint(1, 99_999),
        tax=rng.choice((0, rng.randint(1, 9_999))),
        invoice=number,
        doubt=doubt,
        illness=illness,
        stage=rng.choice(_STAGES),
    )
