"""`python -m distributor`: the command line."""

from distributor.cli.app import main

if __name__ == "__main__":
    main()
