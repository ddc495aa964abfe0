"""The driver of several workers: which clip goes where, what a result changes, what follows when a worker ends."""
