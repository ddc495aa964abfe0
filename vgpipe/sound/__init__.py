"""Sound: what a model or a file gives, how it is joined, cut and measured; arrays in, arrays and numbers out."""
