"""`python -m sartor` is the same as `sartor`."""

from sartor.cli import main

main()
