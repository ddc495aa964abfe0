"""The page of a run and the comparison of several, built from the files in their directories alone."""
