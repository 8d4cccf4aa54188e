"""The command `lamina`: train, predict, evaluate and look at models of tables."""

from lamina.cli._main import main

__all__ = ["main"]
