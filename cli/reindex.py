import asyncio
from typing import Annotated

import typer

from claimstream.agents import reindex as indices
from claimstream.cli.output import Failed, console
from claimstream.config.indices import KINDS
from claimstream.config.settings import Settings


def reindex(
    kinds: Annotated[list[str] | None, typer.Argument(metavar="[KIND]...", help=f"{', '.join(KINDS)}; or all.")] = None,
    extract: Annotated[
        bool, typer.Option("--extract", help="Instead, extract the claims of all stored articles again.")
    ] = False,
) -> None:
    """Build new indices from the stored ones, for a changed template or analyzer, and switch the aliases to them.

    The index stage must rest meanwhile; `worker --agents strip,extract` may run
    on. The old indices stay: delete them once you are content.

    With --extract the stored articles go through extract and index once more,
    for claims of a new model or of new rules, while the workers run.

        claimstream reindex claims
    """
    if unknown := sorted(set(kinds or ()) - set(KINDS)):
        raise Failed(f"there is no {', '.join(unknown)}; choose among {', '.join(KINDS)}")
    settings = Settings()
    if extract:
        sent = asyncio.run(indices.extract_again(settings))
        console.print(f"sent {sent} articles to extract; `claimstream lag` shows how far it is", highlight=False)
        return
    for done in asyncio.run(indices.reindex(settings, [kind for kind in KINDS if not kinds or kind in kinds])):
        told = f"{done.alias}: {done.documents} documents in {done.new}; {done.old} may be deleted"
        console.print(told, highlight=False)
