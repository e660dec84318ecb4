"""claimstream <command>: one module a command, thin over the other rooms."""

from claimstream.cli.app import main

__all__ = ["main"]
