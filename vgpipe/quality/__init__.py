"""What can be measured of finished frames: arrays in, numbers out."""
