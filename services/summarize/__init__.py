"""Type, fields and summary."""
