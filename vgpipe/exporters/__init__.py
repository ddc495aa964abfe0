"""What turns frames into files."""
