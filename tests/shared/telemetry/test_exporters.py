"""Where telemetry goes, by setting."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.settings import SettingsError
from shared.telemetry import exporters
from shared.telemetry.exporters import metrics_of, tracing_of
from shared.telemetry.span_files import read_spans
from shared.telemetry.spans import MessagingSystem
from shared.telemetry.tracing import NullTracing
from tests.shared.telemetry.exported import JOB, PROJECT, a_delivery, settings


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "DOCLEDGER_TRACES=gcp needs DOCLEDGER_PROJECT"),
        ({"TRACES": "files"}, "DOCLEDGER_TRACES=files needs DOCLEDGER_TRACES_FOLDER"),
        ({"TRACES": "none", "METRICS": "gcp"}, "DOCLEDGER_METRICS=gcp needs DOCLEDGER_PROJECT"),
        ({"TRACES": "jaeger"}, "DOCLEDGER_TRACES"),
        ({"TRACES": "none", "TRACES_SAMPLE": "1.5"}, "DOCLEDGER_TRACES_SAMPLE"),
        ({"TRACES": "none", "OTLP_ENDPOINT": "collector"}, "DOCLEDGER_OTLP_ENDPOINT"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_at_the_start(
    values: dict[str, str], told: str
) -> None:
    """Telemetry that goes nowhere is noticed when somebody needs it."""
    with pytest.raises(SettingsError) as refused:
        settings(**values)
    assert told in str(refused.value)


def test_files_and_nothing_need_no_network(tmp_path: Path) -> None:
    """One machine traces into its own folder, the share that the setting says."""
    chosen = settings(TRACES="files", TRACES_FOLDER=str(tmp_path / "spans"))
    tracing = tracing_of(chosen, "ocr", system=MessagingSystem.EMBEDDED)
    a_delivery(tracing)
    assert tracing.flush(1.0)
    tracing.close()
    assert [span.service for span in read_spans(tmp_path / "spans")] == ["ocr", "ocr"]
    sampled = settings(TRACES="files", TRACES_FOLDER=str(tmp_path), TRACES_SAMPLE="0")
    assert tracing_of(sampled, "ocr").origin(JOB).endswith("-00")
    assert isinstance(tracing_of(settings(TRACES="none"), "ocr"), NullTracing)
    metrics = metrics_of(settings(TRACES="none"), "ocr")
    assert metrics.flush(1.0)
    metrics.close()


def test_no_vendor_is_loaded_that_nobody_chose() -> None:
    """Each costs a third of a second at every cold start."""
    code = (
        "import sys; from shared.telemetry.exporters import *;"
        "s = TelemetrySettings(traces='none'); tracing_of(s, 'ocr'); metrics_of(s, 'ocr');"
        "print([n for n in sys.modules if n.startswith(('google.cloud.', 'google.api', 'grpc',"
        " 'requests', 'opentelemetry.exporter', 'opentelemetry.sdk.metrics'))])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_pubsub_counts_attempts_under_its_own_name(tmp_path: Path) -> None:
    """As the conventions for Google Cloud Pub/Sub have it; the embedded bus has none of that."""
    chosen = settings(TRACES="files", TRACES_FOLDER=str(tmp_path))
    tracing = tracing_of(chosen, "ocr")
    a_delivery(tracing)
    tracing.close()
    delivery = read_spans(tmp_path)[1].attributes
    assert delivery["messaging.system"] == "gcp_pubsub"
    assert delivery["messaging.gcp_pubsub.message.delivery_attempt"] == 2


def test_each_kind_of_setting_finds_its_exporter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The project of the settings reaches Google's exporters, and nothing is asked of them yet."""
    asked: list[tuple[str, str]] = []

    class Exporter:
        """Takes nothing."""

        def export(self, *_: object, **__: object) -> None:
            """Ignore it."""

        def shutdown(self, *_: object, **__: object) -> None:
            """Ignore it."""

    def told(kind: str) -> Any:
        def make(project: str) -> Exporter:
            asked.append((kind, project))
            return Exporter()

        return make

    monkeypatch.setattr("shared.telemetry.gcp.cloud_trace", told("trace"))
    monkeypatch.setattr("shared.telemetry.gcp.cloud_monitoring", told("monitoring"))
    chosen = settings(TRACES="gcp", METRICS="gcp", PROJECT=PROJECT)
    exporters.tracing_of(chosen, "ocr").close()
    exporters.metrics_of(chosen, "ocr").close()
    assert asked == [("trace", PROJECT), ("monitoring", PROJECT)]
