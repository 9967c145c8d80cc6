"""Example documents with known truth, made by our own code."""
