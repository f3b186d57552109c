"""``dynsync demo``: the whole mission as a story, told over two pretend systems and checked."""

from dynsync.cli._demo._command import demo_command

__all__ = ["demo_command"]
