"""A run around an executor: directory, attempts, logs, summary."""
