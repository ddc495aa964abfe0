"""vgpipe: a batch pipeline runner for text-to-video diffusion on consumer hardware."""

__version__ = "0.1.0"
