"""The proof that nothing is lost and nothing doubled, whatever breaks: python -m tests.faults.run --seed 1 --real.

Publishes articles drawn from the seed while faults drawn from the seed happen, and holds the index against a plain run.
With --record the run is added to runs.jsonl, from which docs/reliability.md is written.
"""

import argparse
import json
import shlex
import sys
import tempfile
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random
from time import monotonic

from claimstream.config.settings import Elasticsearch, Kafka, Settings
from claimstream.config.settings import Worker as WorkerSettings

from ..servers.embedded import embedded_servers
from ..servers.real import real_servers
from ..stream import Stream
from .articles import articles
from .breaks import FAULTS, NEED_EVICTION
from .plain import FORGETFUL
from .proof import WORKERS, Proof
from .proxy import Proxy
from .report import RUNS, write

OFTEN = {"worker killed (-9)": 2, "all workers killed (-9)": 3}
"""How often a fault comes in a round of all, if not once."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--articles", type=int, default=5000, help="messages to publish (default 5000)")
    parser.add_argument("--faults", type=int, default=40, help="how many faults they are divided among (default 40)")
    parser.add_argument("--minutes", type=float, default=60, help="begin no further fault after so long (default 60)")
    parser.add_argument("--only", action="append", help="only faults with these words in their name")
    parser.add_argument("--real", action="store_true", help="on Apache Kafka and Elasticsearch (make .servers first)")
    parser.add_argument("--record", action="store_true", help="add the run to runs.jsonl and docs/reliability.md")
    options = parser.parse_args()
    with (real_servers if options.real else embedded_servers)() as servers, tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            _env_file=None,
            kafka=Kafka(servers=servers.kafka, partitions=4),
            elasticsearch=Elasticsearch(url=servers.elasticsearch, analyzer=servers.analyzer),
            sites=FORGETFUL,
            worker=WorkerSettings(pool_processes=1, web_port=0),
        )
        stream = Stream(settings, Path(folder))
        stream.initialise()
        with Proxy(servers.elasticsearch, options.seed).running() as proxy:
            proof = Proof(stream, servers, proxy, options.seed, evicts=options.real)
            try:
                result = run(proof, options)
            except BaseException:
                print_ends(Path(folder))
                raise
            finally:
                stream.stop_workers()
    if options.record:
        with RUNS.open("a", encoding="utf-8") as runs:
            runs.write(json.dumps(result) + "\n")
        write()
    sys.exit(result["lost"] + result["doubled"] > 0)


def run(proof: Proof, options: argparse.Namespace) -> dict:
    began = monotonic()
    names = schedule(options, evicts=proof.evicts)
    values = articles(options.seed, options.articles)
    size = -(-options.articles // len(names))
    for _ in range(WORKERS):
        proof.start_worker()
    for number, name in enumerate(names):
        if monotonic() - began > options.minutes * 60:
            break
        proof.slice(name, list(islice(values, size)))
        last = proof.recoveries[-1]
        told = f"recovered in {last.seconds:5.1f} s, workers killed {last.kills}"
        print(f"{number + 1:4}/{len(names)} {monotonic() - began:5.0f} s  {name:34} {told}", flush=True)
    verdicts = proof.at_rest()
    print(f"at rest: {verdicts[0]}\nafter the replay of what hurt: {verdicts[1]}")
    result = {
        "date": datetime.now(UTC).date().isoformat(),
        "servers": "real" if options.real else "embedded",
        "command": "python -m tests.faults.run " + shlex.join(a for a in sys.argv[1:] if a != "--record"),
        "seed": options.seed,
        "articles": len(proof.values),
        "claims": proof.stream.count("claims"),
        "minutes": round((monotonic() - began) / 60, 1),
        "lost": max(one.lost for one in verdicts),
        "doubled": max(len(one.extra) for one in verdicts),
        "restarts": proof.stream.restarts,
        "recoveries": [[one.fault, round(one.seconds, 1), one.kills] for one in proof.recoveries],
    }
    print({name: value for name, value in result.items() if name != "recoveries"})
    return result


def schedule(options: argparse.Namespace, *, evicts: bool) -> list[str]:
    """Rounds of all faults, each in an order of its own."""
    random = Random(options.seed)
    possible = [name for name in FAULTS if evicts or name not in NEED_EVICTION]
    wanted = [n for n in possible if not options.only or any(word in n for word in options.only)]
    names: list[str] = []
    while len(names) < options.faults:
        names += random.sample(of_round := [n for n in wanted for _ in range(OFTEN.get(n, 1))], len(of_round))
    return names[: options.faults]


def print_ends(folder: Path) -> None:
    for log in sorted(folder.glob("worker-*.log"), key=lambda path: path.stat().st_mtime)[-4:]:
        print(f"── {log.name}", *log.read_text("utf-8").splitlines()[-15:], sep="\n", file=sys.stderr)


if __name__ == "__main__":
    main()
