"""`python -m cds.cli`."""

from cds.cli import main

main()
