"""Which memory strategy a run takes."""
