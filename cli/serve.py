import asyncio
import signal

from claimstream.agents.intake import Intake
from claimstream.cli.output import console, log_to_stderr
from claimstream.config.settings import Settings


def serve() -> None:
    """Take raw articles by HTTP, until Ctrl-C or SIGTERM.

    `POST /articles` answers 202 once Kafka has them. /docs shows
    what it takes and answers, /openapi.json tells programs. Also there: /health,
    /metrics. Anywhere but on loopback a token is required
    (CLAIMSTREAM_INTAKE__TOKEN).

        claimstream serve

        curl localhost:6067/articles --json '{"url": "https://example.com/news/1", "text": "..."}'
    """
    settings = Settings()
    log_to_stderr(settings.log_level)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    runner = await Intake(settings).serve()
    stopped = asyncio.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, stopped.set)
    host, port = runner.addresses[0][:2]
    console.print(f"taking articles at http://{host}:{port}/articles", highlight=False)
    try:
        await stopped.wait()
    finally:
        await runner.cleanup()
