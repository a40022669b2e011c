"""`unfreeze` as on two machines: every process but the first is in a folder where nothing of the command's lies."""

from __future__ import annotations

import os
import sys
from tempfile import mkdtemp

from unfreeze.cli import main

if __name__ == "__main__":
    if os.environ["RANK"] != "0":
        os.chdir(mkdtemp())
    sys.exit(main())
