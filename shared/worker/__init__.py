"""The worker edge: one place decides, handlers stay small."""
