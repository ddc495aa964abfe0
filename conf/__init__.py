"""The Hydra config groups, shipped in the wheel as `vgpipe.conf`."""
