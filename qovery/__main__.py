"""`python -m qovery`: the command line."""

import sys

from qovery.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
