"""Step caches: a denoiser that reuses what it computed at an earlier step, by the hooks of diffusers."""
