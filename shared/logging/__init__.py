"""JSON log lines that cannot leak: registered fields only, free text masked."""
