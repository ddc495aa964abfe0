"""The files of a checkpoint: layout, manifests, safetensors headers."""
