"""``python -m roadworthy.cli``, where the command itself is not on the path."""

from roadworthy.cli import main

main()
