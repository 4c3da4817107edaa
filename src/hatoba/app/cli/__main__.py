"""python -m hatoba.app.cli: the console script for who has no script directory on the path."""

from hatoba.app.cli import main

main()
