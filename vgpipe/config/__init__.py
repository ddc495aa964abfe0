"""The run config: its schema, and how Hydra's groups are composed and checked against it."""
