"""The command `hedge`: runs the flows of a desk and shows where the results are."""

from pipeline.cli.command import main

__all__ = ["main"]
