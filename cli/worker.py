import asyncio
import logging
import os
import sys
from typing import Annotated, get_args

import typer
from pydantic import ValidationError

from claimstream.agents.errors import Fatal
from claimstream.agents.worker import FATAL, work
from claimstream.cli.output import Failed, log_to_stderr, print_error
from claimstream.config.settings import STAGES, Settings, Stage


def worker(
    agents: Annotated[str, typer.Option(help="Which agents to run, comma separated.")] = ",".join(STAGES),
    stay: Annotated[
        bool, typer.Option("--stay", help="When a person is needed, wait for SIGTERM, unhealthy, instead of ending.")
    ] = False,
) -> None:
    """Run the agents until Ctrl-C or SIGTERM. Start as many workers as you like; they share the partitions.

    Waits for Kafka, Elasticsearch and `claimstream init`. Two on one machine need
    different CLAIMSTREAM_WORKER__WEB_PORT, or 0.

    Exit status: 0 stopped, 1 crashed (start it again), 3 a person is needed,
    4 ended by its watchdog (start it again). A supervisor that starts it again
    whatever the status is, as Docker does, needs --stay: a blown fuse would let
    some more articles die each time.

        claimstream worker

        claimstream worker --agents strip,extract
    """
    try:
        settings = Settings()
        stages = _stages(agents)
        log_to_stderr(settings.log_level)
        asyncio.run(work(settings, stages))
    except Fatal as fatal:
        logging.getLogger(__name__).critical("%s", fatal)
    except (ValidationError, Failed) as mistake:
        print_error(mistake)
    except RuntimeError as crash:
        raise Failed(str(crash)) from crash
    else:
        return
    if stay:  # as a process without the memory and the threads of a worker
        os.execv(sys.executable, [sys.executable, "-I", "-c", "import signal; signal.pause()"])  # noqa: S606
    sys.exit(FATAL)


def _stages(agents: str) -> list[Stage]:
    named = [name.strip() for name in agents.split(",")]
    if unknown := sorted(set(named) - set(STAGES)):
        raise Failed(f"--agents: there is no {', '.join(unknown)}; choose among {', '.join(get_args(Stage))}")
    return [stage for stage in STAGES if stage in named]
