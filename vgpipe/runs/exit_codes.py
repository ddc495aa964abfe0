"""The exit codes of a run."""

EXIT_DONE, EXIT_FAILED, EXIT_STOPPED = 0, 1, 3
