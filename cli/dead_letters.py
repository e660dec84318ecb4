import asyncio
import base64
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from claimstream.agents import dead_letters as letters
from claimstream.agents.dead_letters import Buried
from claimstream.cli.output import Failed, console, print_json
from claimstream.config.settings import Settings
from claimstream.pipeline.outcomes import Fault
from claimstream.publishing.article import printable

dead_letters = typer.Typer(no_args_is_help=True, help="Messages that could not be processed: list, show, replay.")

AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON; bytes as text, or base64 if they are none.")]
Stage = Annotated[str | None, typer.Option(help="Only those that died in this stage.")]
OfFault = Annotated[Fault | None, typer.Option(help="Only those with this fault, e.g. `not-json`.")]


@dead_letters.command("list")
def list_(stage: Stage = None, fault: OfFault = None, as_json: AsJson = False) -> None:
    """List the dead letters that were not replayed, oldest first."""
    found = _read(stage, fault)
    if as_json:
        print_json([_as_json(one) for one in found])
        return
    table = Table("id", "died", "stage", "fault", "origin", "error", title=f"{len(found)} dead letters")
    for one in found:
        letter = one.letter
        table.add_row(
            one.id,
            f"{letter.died_at:%Y-%m-%d %H:%M:%S}",
            letter.stage,
            letter.fault,
            letter.origin,
            Text(_last_line(letter.error)),
        )
    console.print(table)


@dead_letters.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `list` prints it.")], as_json: AsJson = False
) -> None:
    """Show one dead letter whole: why it died, where it came from, its bytes."""
    one = _find(id_)
    if as_json:
        print_json(_as_json(one))
        return
    for name, value in _as_json(one).items():
        console.print(Text(f"{name:12} ", style="bold") + Text(printable(str(value))), soft_wrap=True)


@dead_letters.command()
def replay(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="As `list` prints them.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that --stage and --fault leave.")] = False,
    stage: Stage = None,
    fault: OfFault = None,
) -> None:
    """Publish messages again where they died, once the cause is mended.

    claimstream dead-letters replay 3-17

    claimstream dead-letters replay --all --fault rejected
    """
    if bool(ids) == everything:
        raise Failed("give either the ids of dead letters or --all")
    chosen = _read(stage, fault) if everything else [_find(id_) for id_ in ids or ()]
    asyncio.run(letters.replay(Settings().kafka, chosen))
    console.print(f"replayed {len(chosen)}", highlight=False)


def _read(stage: str | None = None, fault: Fault | None = None) -> list[Buried]:
    found = asyncio.run(letters.read(Settings().kafka))
    return [one for one in found if stage in {None, one.letter.stage} and fault in {None, one.letter.fault}]


def _find(id_: str) -> Buried:
    for one in _read():
        if one.id == id_:
            return one
    raise Failed(f"there is no dead letter {id_}; `claimstream dead-letters list` names them")


def _as_json(one: Buried) -> dict[str, str | int]:
    letter = one.letter
    return {
        "id": one.id,
        **letter.model_dump(mode="json", exclude={"key", "value"}),
        "key": _readable(letter.key),
        "value": _readable(letter.value),
    }


def _readable(value: bytes | None) -> str:
    if value is None:
        return ""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(value).decode()


def _last_line(error: str) -> str:
    return error.strip().splitlines()[-1] if error.strip() else ""
