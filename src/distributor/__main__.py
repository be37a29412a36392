"""`python -m distributor`: the command line."""

from distributor.cli.app import main

main()
