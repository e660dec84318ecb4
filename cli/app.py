"""The commands, put together, and the one place where an error becomes a line and an exit status."""

import logging
import os
import signal
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from typer.core import TyperGroup

import claimstream
from claimstream.agents.errors import Fatal, Unavailable
from claimstream.cli.output import Failed, print_error
from claimstream.pipeline.outcomes import Undeliverable
from claimstream.publishing.errors import PublishError

PANELS = {
    "Everyday": ("publish", "article", "search", "explain", "sites", "lag", "dead-letters"),
    "Running": ("init", "worker", "serve", "health", "replay", "reindex", "up", "down", "demo"),
    "Checking": ("schema",),
}
ELSEWHERE = {"up": "servers", "down": "servers"}
"""Commands whose module has another name."""


class Commands(TyperGroup):
    """Imports a command's module when it is called: spaCy alone takes a second, and health checks come often."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for names in PANELS.values() for name in names]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        panel = next((panel for panel, names in PANELS.items() if cmd_name in names), None)
        if panel is None:
            return None
        name = cmd_name.replace("-", "_")
        command = getattr(import_module(f"claimstream.cli.{ELSEWHERE.get(cmd_name, name)}"), name)
        one = typer.Typer(context_settings=dict(self.context_settings), rich_markup_mode="rich")
        if isinstance(command, typer.Typer):
            one.add_typer(command, name=cmd_name, rich_help_panel=panel)
        else:
            one.command(cmd_name, rich_help_panel=panel)(command)
            one.callback()(lambda: None)
        group = typer.main.get_group(one)
        return group.commands[cmd_name]


app = typer.Typer(
    name="claimstream",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Turn a stream of raw news articles into a searchable record of [bold]who said what[/bold].\n\n"
    "Settings are environment variables CLAIMSTREAM_... or lines of a .env file, e.g. "
    "CLAIMSTREAM_KAFKA__SERVERS=broker:9092.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"claimstream {claimstream.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
    backfill: Annotated[
        bool, typer.Option("--backfill", help="Work on the back-fill, which has its own topics, instead of live ones.")
    ] = False,
) -> None:
    del version
    if backfill:
        os.environ["CLAIMSTREAM_KAFKA__BACKFILL"] = "true"


def main() -> None:
    """Run a command. An error that a person can mend is one line on stderr and status 1."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # its errors come as exceptions, too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that what is open is closed
    try:
        app()
    except (ValidationError, Failed, Fatal, Unavailable, Undeliverable, PublishError) as error:
        print_error(error)
        sys.exit(1)
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(130)
