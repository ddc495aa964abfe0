"""How the embedded ``shapes`` checkpoint is made; never imported by ``vgpipe`` itself."""
