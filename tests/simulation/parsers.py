"""Small deterministic stand-ins for the parsers at the bottom, behind the services' own ports."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from services.ingest.inspection import Attachment, Inspection
from shared.errors import PermanentError, TransientError
from shared.events.payloads import DocumentType, MediaType
from shared.events.results import (
    Evidence,
    FieldName,
    FieldValue,
    Page,
    PageRange,
    Reading,
    Summary,
    Word,
)
from shared.telemetry.reasons import QuarantineReason
from tests.simulation.chaos import Chaos, Crashed
from tests.simulation.papers import FLAKY_TRIES, Illness, Paper, parse

_WHOLE: Final = (0.0, 0.0, 1.0, 1.0)
_DATE: Final = "2026-01-31"


@dataclass(slots=True)
class Health:
    """What is wrong outside of any process.

    Attributes:
        fixed: numbers of the papers for which somebody fixed the workers.
        tries: how often a flaky paper was tried, by number and stage.
    """

    fixed: set[int] = field(default_factory=set)
    tries: dict[tuple[int, str], int] = field(default_factory=dict)

    def meet(self, paper: Paper, stage: str, chaos: Chaos, who: str) -> None:
        """Do to a parser what the paper does.

        Raises:
            Exception: any of the three signals.
            Crashed: the process dies.
        """
        if paper.illness is None or paper.stage != stage or paper.number in self.fixed:
            return
        chaos.note(f"{who} meets paper {paper.number}: {paper.illness} at {stage}")
        if paper.illness is Illness.PERMANENT:
            raise PermanentError(QuarantineReason.UNREADABLE)
        if paper.illness is Illness.CRASH:
            raise Crashed
        if paper.illness is Illness.OUTAGE:
            raise TransientError("what the parser needs is not there")
        if paper.illness is Illness.SLOW:
            chaos.pause(who, f"paper {paper.number}")
            return
        tried = self.tries[paper.number, stage] = self.tries.get((paper.number, stage), 0) + 1
        if paper.illness is Illness.UNKNOWN or tried <= FLAKY_TRIES:
            raise ZeroDivisionError


Meet = Callable[[Paper, str], None]


class SimulatedInspector:
    """Looks into papers; see ``services.ingest.ports.Inspector``."""

    def __init__(self, meet: Meet) -> None:
        self._meet = meet

    def inspect(self, content: bytes) -> Inspection:
        """Say what the paper is."""
        paper = parse(content)
        self._meet(paper, "ingest")
        if paper.type is None:
            parts = tuple(Attachment(f"part {part.number}", part.content) for part in paper.parts)
            return Inspection(MediaType.EMAIL, 0, parts)
        return Inspection(MediaType.TEXT, paper.pages)


class SimulatedReader:
    """Reads papers: the whole paper is the one word of each page; see ``services.ocr.ports``."""

    def __init__(self, meet: Meet) -> None:
        self._meet = meet

    def read(self, content: bytes, media_type: MediaType, *, first: int, last: int) -> PageRange:
        """Read pages ``first`` to ``last``."""
        del media_type
        self._meet(parse(content), "ocr")
        word = Word(content.decode(), _WHOLE, 1.0, 0)
        pages = tuple(
            Page(number=number, width=1.0, height=1.0, engine="plain_text", words=(word,))
            for number in range(first, last + 1)
        )
        return PageRange(first=first, last=last, pages=pages)


class SimulatedSummarizer:
    """Knows what papers say; see ``services.summarize.ports``."""

    def __init__(self, meet: Meet) -> None:
        self._meet = meet

    def summarize(self, reading: Reading) -> Summary:
        """Say what the paper says."""
        paper = parse(reading.pages[0].words[0].text.encode())
        self._meet(paper, "summarize")
        found: dict[FieldName, str] = {
            "supplier_name": "Paper Mill",
            "invoice_id": f"N{paper.invoice}",
            "invoice_date": _DATE,
            "currency": "EUR",
            "net_amount": _money(paper.net),
            "total_tax_amount": _money(paper.tax),
            "total_amount": _money(paper.net + paper.tax),
        }
        doubts = () if paper.doubt is None else (paper.doubt,)
        return Summary(
            document_type=paper.type or DocumentType.OTHER,
            type_confidence=1.0,
            summary="A paper.",
            fields={name: _field(value) for name, value in found.items()},
            doubts=doubts,
        )


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def _field(value: str) -> FieldValue:
    seen = Evidence(page=1, box=_WHOLE, text=value, engine="plain_text", confidence=1.0)
    return FieldValue(value=value, confidence=1.0, evidence=(seen,))
