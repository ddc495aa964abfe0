"""What can be measured of frames, and how it is judged: arrays in, numbers and verdicts out."""
