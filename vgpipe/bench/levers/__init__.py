"""What a bench varies: one file a lever."""
