"""Journal, sequencer, log and auditor API."""
