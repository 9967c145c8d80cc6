"""Pages to words."""
