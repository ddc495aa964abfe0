"""The stages of a clip: encode, denoise, decode, export."""
