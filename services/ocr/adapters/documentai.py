"""Document AI, asked through Google's client: bounded retries, a pace, errors translated.

Process and batch requests carry no key and no idempotency field: the processor has the key, and an
answer that got lost is paid for again. Native text of a PDF is not asked for: it would bring in
what nobody sees on the page. Only the fields that are used are asked for; images of pages would be
most of an answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.api_core.exceptions import InvalidArgument, NotFound, ResourceExhausted
from google.cloud import documentai_v1 as api

from services.ocr.adapters.documentai_channel import DocumentAiChannel
from shared.events.payloads import MediaType

PAGES_PER_SHARD: Final = 20

_PAGE: Final = ("page_number", "dimension", "layout", "tokens")
_MASK: Final = {"paths": ["text", "entities", "shard_info", *(f"pages.{name}" for name in _PAGE)]}

_DOCUMENT_AT_FAULT: Final = frozenset(
    code.value[0] for code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OUT_OF_RANGE)
)
_REFUSED: Final = {
    code.value[0]: code.name
    for code in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED)
}


@dataclass(frozen=True, slots=True)
class Batch:
    """How a batch stands.

    Attributes:
        ended: whether Document AI works on it no more.
        folder: where its shards lie, ``gs://…``; None where it failed or has not ended.
        document_at_fault: whether it failed for what is in the file.
        refused: the gRPC code, where it failed for a grant that somebody lacks: Document AI itself
            reads and writes the bucket.
    """

    ended: bool
    folder: str | None = None
    document_at_fault: bool = False
    refused: str | None = None


class DocumentAi:
    """Processors in one location. Thread-safe.

    Args:
        channel: to them.
    """

    def __init__(self, channel: DocumentAiChannel) -> None:
        self._channel = channel

    def __repr__(self) -> str:
        return "DocumentAi()"

    def process(self, processor: str, file: bytes, media_type: MediaType) -> Mapping[str, Any]:
        """Have a file read at once; return its ``Document`` as JSON has it.

        Raises:
            PermanentError: ``unreadable``: Document AI does not take the file.
            TransientError: it is unavailable, throttles or refuses us.
        """
        request = api.ProcessRequest(
            name=processor,
            raw_document=api.RawDocument(content=file, mime_type=media_type.value),
            field_mask=_MASK,
            skip_human_review=True,
        )
        answer = self._channel.ask(
            lambda client, timeout: client.process_document(
                request=request, retry=None, timeout=timeout
            )
        )
        told: Mapping[str, Any] = api.Document.to_dict(
            answer.document,
            use_integers_for_enums=False,
            preserving_proto_field_name=False,
            always_print_fields_with_no_presence=False,
        )
        return told

    def start(self, processor: str, source: str, media_type: MediaType, folder: str) -> str:
        """Begin a batch of one file; return the name of its operation.

        Args:
            processor: who reads.
            source: of the file, ``gs://…``.
            media_type: of the file.
            folder: under which the shards shall lie, ``gs://…/``.

        Raises:
            PermanentError: ``unreadable``.
            TransientError: it is unavailable, throttles or refuses us; a try whose answer was lost
                may have begun one.
        """
        sharding = api.DocumentOutputConfig.GcsOutputConfig.ShardingConfig(
            pages_per_shard=PAGES_PER_SHARD
        )
        request = api.BatchProcessRequest(
            name=processor,
            input_documents=api.BatchDocumentsInputConfig(
                gcs_documents=api.GcsDocuments(
                    documents=[api.GcsDocument(gcs_uri=source, mime_type=media_type.value)]
                )
            ),
            document_output_config=api.DocumentOutputConfig(
                gcs_output_config=api.DocumentOutputConfig.GcsOutputConfig(
                    gcs_uri=folder, field_mask=_MASK, sharding_config=sharding
                )
            ),
            skip_human_review=True,
        )
        begun = self._channel.ask(
            lambda client, timeout: client.batch_process_documents(
                request=request, retry=None, timeout=timeout
            ),
            again=(ResourceExhausted,),  # nothing else says for sure that none was begun
        )
        return str(begun.operation.name)

    def standing(self, operation: str) -> Batch:
        """Return how a batch stands; one that Document AI has forgotten has failed.

        Raises:
            TransientError: it is unavailable, throttles or refuses us.
        """
        try:
            told = self._channel.ask(
                lambda client, timeout: client.get_operation(
                    {"name": operation}, retry=None, timeout=timeout
                ),
                paced=False,
                answers=(NotFound, InvalidArgument),
            )
        except (NotFound, InvalidArgument):  # of another location's, the name is no name
            return Batch(ended=True)
        if not told.done:
            return Batch(ended=False)
        if told.HasField("error"):
            return _failed(told.error.code)
        metadata = api.BatchProcessMetadata.deserialize(told.metadata.value)
        one = next(iter(metadata.individual_process_statuses), None)
        if one is None:
            return Batch(ended=True)
        if one.status.code:
            return _failed(one.status.code)
        return Batch(ended=True, folder=str(one.output_gcs_destination) or None)

    def close(self) -> None:
        """Close the channel; the next call opens another."""
        self._channel.close()


def _failed(code: int) -> Batch:
    """Return how a batch stands that ended with a code."""
    at_fault = code in _DOCUMENT_AT_FAULT
    return Batch(ended=True, document_at_fault=at_fault, refused=_REFUSED.get(code))
