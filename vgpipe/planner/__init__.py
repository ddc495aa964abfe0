"""Says, before anything is loaded, what a run takes: memory, time, disk."""
