"""Memory and time of a strategy, by arithmetic on a profile."""
