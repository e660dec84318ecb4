import json
import urllib.error
import urllib.request

from claimstream.cli.output import Failed, console
from claimstream.config.settings import Settings


def health() -> None:
    """Ask the worker on this machine whether its stages make progress. For container health checks."""
    worker = Settings().worker
    host = "127.0.0.1" if worker.web_host in {"0.0.0.0", "::"} else worker.web_host  # noqa: S104 - compared, not bound
    url = f"http://{host}:{worker.web_port}/health"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        raise Failed(f"no progress in: {', '.join(json.load(error)['stalled'])}") from error
    except OSError as error:
        raise Failed(f"no worker answers at {url} (worker.web_port): {error}") from error
    console.print("healthy", highlight=False)
