"""`python -m groundsill`."""

from groundsill.cli import main

main()
