"""Run the `cogfal` command."""

from __future__ import annotations

import sys

from cogfal.cli import main

if __name__ == "__main__":
    sys.exit(main())
