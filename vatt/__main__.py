"""`python -m vatt VERB …`."""

import sys

from vatt.cli import main

if __name__ == "__main__":
    sys.exit(main())
