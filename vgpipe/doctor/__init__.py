"""Says what is wrong with this installation and what to type, also where the libraries cannot be imported."""
