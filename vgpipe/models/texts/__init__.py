"""How much of a text the tokenizers of a model read, counted before it is encoded or while it is."""
