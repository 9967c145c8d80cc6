"""All workers on one machine."""
