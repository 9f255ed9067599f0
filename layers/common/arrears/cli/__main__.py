"""`python -m arrears.cli`."""

import sys

from arrears.cli import main

sys.exit(main())
