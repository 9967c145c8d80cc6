"""What the HTTP APIs stand on: errors, callers, limits, probes. Only they import it."""
