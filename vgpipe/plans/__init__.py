"""From config and clips to a plan, and its output."""
