"""The recipe of a file, its replay, and what changed since."""
