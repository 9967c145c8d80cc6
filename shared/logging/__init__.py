"""Structured log lines by allow-list; free text masked."""

from shared.logging.capture import capture
from shared.logging.settings import LogSettings
from shared.logging.stage_log import SilentLog, StageLog, get_logger

__all__ = ["LogSettings", "SilentLog", "StageLog", "capture", "get_logger"]
