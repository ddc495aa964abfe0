"""The checks of decoded frames, one a file; `vgpipe/quality/registry.py` lists them."""
