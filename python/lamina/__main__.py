"""`python -m lamina` does what the command `lamina` does."""

import sys

from lamina.cli._main import main

sys.exit(main())
