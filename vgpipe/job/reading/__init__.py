"""Job files to checked entries: YAML, CSV, text and JSON lines."""
