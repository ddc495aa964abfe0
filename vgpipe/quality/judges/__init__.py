"""Judges of previews: each gives one number, higher is better, by which clips of one prompt are ranked."""
