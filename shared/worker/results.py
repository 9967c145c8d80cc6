"""A stored result: the events that follow from it, then the result, as two JSON lines.

The events come first, so that a redelivery sends them again without reading the rest.
"""

import json
from typing import TypeVar

from pydantic import BaseModel
from pydantic_core import to_json

from shared.events.envelope import Child
from shared.events.payloads import EventType, Reference
from shared.keys.vault import Vault

Model = TypeVar("Model", bound=BaseModel)


def pack(children: tuple[Child, ...], result: BaseModel) -> bytes:
    """Return the two lines."""
    rows = [
        {
            "type": child.type,
            "data": child.data,
            "subject": child.subject,
            "part": child.part,
            "takes_result": child.takes_result,
            "jobid": child.jobid,
        }
        for child in children
    ]
    return to_json(rows) + b"\n" + result.model_dump_json().encode()


def children_in(stored: bytes) -> tuple[Child, ...]:
    """Return the events that follow from a stored result."""
    rows = json.loads(stored[: stored.index(b"\n")])
    return tuple(Child(**{**row, "type": EventType(row["type"])}) for row in rows)


def result_in(stored: bytes, model: type[Model]) -> Model:
    """Return the result itself."""
    return model.model_validate_json(stored[stored.index(b"\n") + 1 :])


class Results:
    """Opens what an event's ``result`` refers to.

    Args:
        vault: where results are sealed.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def open(self, source: Reference | str, model: type[Model]) -> Model:
        """Return the result at a reference or name.

        Raises:
            NotFoundError: nothing is there.
            ErasedError: its key is destroyed.
        """
        return result_in(self._vault.open(source), model)
