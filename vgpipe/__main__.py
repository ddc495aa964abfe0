"""`python -m vgpipe`."""

import sys

from vgpipe.cli import main

if __name__ == "__main__":
    sys.exit(main())
