"""Where components live while a stage runs, and the memory that this takes."""
