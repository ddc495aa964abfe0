"""Entries, overrides and presets to frozen clips."""
