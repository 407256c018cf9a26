"""Dragoman: a proxy that connects coding agents to any model."""

from typing import Final

__version__: Final = "0.1.0"
