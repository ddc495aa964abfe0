"""How stock diffusers pipelines are built and called."""
