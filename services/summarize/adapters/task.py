"""What runs in the sandbox: a reading with foreign XML in, a summary out."""

from collections.abc import Mapping

from services.summarize.rules import RulesSummarizer
from shared.events.results import Reading


def summarize(content: bytes, parameters: Mapping[str, object]) -> bytes:
    """Summarize one reading; the sandbox calls this in a child process.

    Args:
        content: a ``Reading`` as JSON.
        parameters: none.

    Returns:
        a ``Summary`` as JSON.

    Raises:
        PermanentError: reason ``malformed_xml`` or ``forbidden_xml``.
    """
    del parameters
    reading = Reading.model_validate_json(content)
    return RulesSummarizer().summarize(reading).model_dump_json().encode()
