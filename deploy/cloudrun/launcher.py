"""The functions that functions-framework hosts, one a deployable: ``FUNCTION_TARGET`` names it.

Their signature is ``http`` and the codec is ours: the framework's CloudEvent signature echoes what
it cannot read into its answer and drops the delivery attempt (ADR 12).
"""

from collections.abc import Callable

from deploy.cloudrun.host import Answer, HostRequest, serve


def _function(name: str) -> Callable[[HostRequest], Answer]:
    def function(request: HostRequest) -> Answer:
        return serve(name, request)

    return function


entrance = _function("entrance")
ingest = _function("ingest")
register = _function("register")
ocr = _function("ocr")
summarize = _function("summarize")
ledger = _function("ledger")
sequencer = _function("sequencer")
eraser = _function("eraser")
