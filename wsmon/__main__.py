"""`python -m wsmon`."""

from wsmon.cli.main import main

if __name__ == "__main__":
    main()
