"""The four workers."""
