"""The state of a clip, its record, its artifact keys and finished files."""
