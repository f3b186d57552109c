"""``python -m dynsync``: the same as the console script ``dynsync``."""

from dynsync.cli import main

if __name__ == "__main__":
    main()
