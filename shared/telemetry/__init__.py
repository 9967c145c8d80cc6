"""One vocabulary: reasons, metric names, log events and spans."""
