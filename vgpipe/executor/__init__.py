"""What drives stages over clips."""
