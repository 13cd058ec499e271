"""``python -m kinetrace``: the command line, run from the code of the current workspace."""

from kinetrace.cli import main

main()
