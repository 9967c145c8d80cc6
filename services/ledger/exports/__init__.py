"""The books in other programs' formats: streamed, balanced, foreign text made harmless."""
