"""Document AI's processors and their limits (``processors.yaml``), and which reads what."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import UserError
from shared.events.payloads import DocumentType, MediaType
from shared.events.results import FieldName

Kind = Literal["ocr", "invoice", "expense", "bank_statement"]

TABLE: Final = Path(__file__).with_name("processors.yaml")

Positive = Annotated[int, Field(ge=1)]


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Limits(_Told):
    """What Document AI allows whichever processor reads.

    Attributes:
        online_bytes: of one file in a request.
        batch_bytes: of one file in a batch.
        requests_per_minute: online, of a project in one location.
        concurrent_batches: of a project in one location.
    """

    online_bytes: Positive
    batch_bytes: Positive
    requests_per_minute: Positive
    concurrent_batches: Positive


class Processor(_Told):
    """What one kind of processor takes and finds.

    Attributes:
        pages_online: of one request.
        pages_batch: of one batch.
        media: types of file that go there.
        document_type: what a document is taken for where fields were found in it.
        fields: canonical names of fields that it calls otherwise.
        lines: the type of its line items.
    """

    pages_online: Positive
    pages_batch: Positive
    media: frozenset[MediaType]
    document_type: DocumentType | None = None
    fields: dict[str, FieldName] = {}
    lines: str = "line_item"


class Table(_Told):
    """The whole table."""

    limits: Limits
    processors: dict[Kind, Processor]


class Named(BaseModel):
    """A processor of ours.

    Attributes:
        name: ``projects/…/locations/…/processors/…``.
        kind: of processor.
        its: limits and fields.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    kind: Kind
    its: Processor


class Processors:
    """Ours, in the order in which they are asked.

    Args:
        table: limits by kind.
        names: ours, by kind, first come first asked.
    """

    def __init__(self, table: Table, names: Mapping[Kind, str]) -> None:
        self._table = table
        self.limits: Final = table.limits
        self.every: Final = tuple(
            Named(name=name, kind=kind, its=table.processors[kind]) for kind, name in names.items()
        )

    def of(self, kind: Kind) -> Processor:
        """Return what a kind of processor takes and finds, one of ours or not (any more)."""
        return self._table.processors[kind]

    def online(self, media_type: MediaType) -> Named | None:
        """Return who reads a file of this type in one request; None where none of ours does."""
        return next((one for one in self.every if media_type in one.its.media), None)

    def batch(self, media_type: MediaType) -> Named | None:
        """Return who reads a long file of this type."""
        reads = [one for one in self.every if media_type in one.its.media]
        return next((one for one in reads if one.kind == "ocr"), reads[0] if reads else None)

    @property
    def location(self) -> str:
        """Where all of them are."""
        return self.every[0].name.split("/")[3]


def load_table(path: Path = TABLE) -> Table:
    """Read the table.

    Raises:
        UserError: it is missing, no YAML, or wrong; the line says where.
    """
    try:
        return Table.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as err:
        raise UserError(f"{path.name}: cannot be read: check the path") from err
    except yaml.YAMLError as err:
        raise UserError(f"{path.name}: is no YAML") from err
    except ValidationError as err:
        told = (
            f"{'.'.join(str(step) for step in problem['loc']) or 'table'}: {problem['msg']}"
            for problem in err.errors()
        )
        raise UserError(f"{path.name}: {'; '.join(told)}") from err
