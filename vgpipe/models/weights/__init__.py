"""Loading of weights: precision, quantization, LoRAs."""
