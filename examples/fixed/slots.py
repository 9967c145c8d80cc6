"""How the fixed set is put together: every example has its own name, serial and randomness."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Final

from examples.invoice import Invoice, fields_of, lines_of
from examples.truth import POSTED, Example, Expected, Truth
from shared.telemetry.reasons import HeldReason

Builder = Callable[["Making"], Example]

FROM_PICTURE: Final = (
    POSTED,
    Expected("held", HeldReason.TOTAL_UNCONFIRMED),
    Expected("held", HeldReason.LOW_CONFIDENCE),
    Expected("held", HeldReason.LINES_MISMATCH),
    Expected("held", HeldReason.TOTAL_MISMATCH),
)
"""A misread digit must lead to a hold: what is posted has the right figures."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One place in the fixed set.

    Attributes:
        name: of the file.
        about: what it shows; the same for every seed.
        build: makes the example from randomness of its own, a serial of its own, and what it is
            called and about.
    """

    name: str
    about: str
    build: Builder


@dataclass(frozen=True, slots=True)
class Making:
    """What a slot's ``build`` gets.

    Attributes:
        random: of this slot alone, so that slots can come and go without changing the others.
        serial: makes document numbers unique.
        name: of the file.
        about: what it shows.
        seed: of the whole set.
        done: what was built before, by name.
    """

    random: Random
    serial: int
    name: str
    about: str
    seed: int
    done: Mapping[str, Example]

    def example(  # noqa: PLR0913 - a document and what is true of it
        self,
        content: bytes,
        invoice: Invoice,
        *,
        outcomes: Sequence[Expected] = (POSTED,),
        pages: int = 1,
        fast: bool = True,
        resends: str | None = None,
    ) -> Example:
        """Return an example whose truth is ``invoice``."""
        return Example(
            name=self.name,
            content=content,
            truth=Truth(
                outcomes=tuple(outcomes),
                document_type=invoice.kind,
                language=invoice.convention.language,
                pages=pages,
                fields=fields_of(invoice),
                line_items=lines_of(invoice),
                resends=resends,
            ),
            about=self.about,
            fast=fast,
        )


def build_all(slots: Sequence[Slot], seed: int) -> list[Example]:
    """Build every slot, in order."""
    done: dict[str, Example] = {}
    for serial, slot in enumerate(slots, 101):
        random = Random(f"{seed} {slot.name}")
        making = Making(random, serial, slot.name, slot.about, seed, MappingProxyType(done))
        done[slot.name] = slot.build(making)
    return list(done.values())
