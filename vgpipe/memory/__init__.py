"""Where components live while a stage runs, and what that takes."""
