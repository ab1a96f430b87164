"""`python -m airnet` is `airnet`."""

import sys

from airnet.cli import main

sys.exit(main())
