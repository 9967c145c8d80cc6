"""Events between workers: the port and the embedded implementation."""
