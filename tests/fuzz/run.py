"""Mutated articles through strip and extract, in the worker's own pool: python -m tests.fuzz.run --inputs 20000.

Each must pass, be refused, or be undeliverable for what it is. What hangs, crashes, eats memory or raises anything else
is a finding: its bytes are written to --findings, to become a case under tests/golden.
"""

import argparse
import asyncio
import sys
import traceback
from collections import Counter
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path
from time import monotonic

from claimstream.agents.pool import Pool
from claimstream.config.settings import Limits, Settings, Worker
from claimstream.pipeline.extract import load
from claimstream.pipeline.messages import extract_message, strip_message
from claimstream.pipeline.outcomes import OWN_FAULTS, Refused, Undeliverable
from claimstream.pipeline.records import ClaimSet
from claimstream.pipeline.strip.standing import NOTHING

from .mutate import mutated

RECEIVED_AT = datetime(2026, 11, 1, tzinfo=UTC)


async def outcome(pool: Pool, value: bytes, limits: Limits) -> str:
    """Take a message through both stages and say in a word how it ended. Raises whatever is a finding."""
    try:
        article = await pool.run(strip_message, value, RECEIVED_AT, limits, NOTHING)
        claims = await pool.run(extract_message, article.value)
    except Refused as refused:
        return f"refused: {refused.refusal}"
    except Undeliverable as undeliverable:
        if undeliverable.fault in OWN_FAULTS:
            raise
        return f"dead-lettered: {undeliverable.fault}"
    check(ClaimSet.from_bytes(claims.value))
    return "passed"


def check(claim_set: ClaimSet) -> None:
    """Raise AssertionError unless every span is where it says."""
    text = claim_set.article.text
    for claim in claim_set.claims:
        for span in (*claim.source, *claim.cue, *claim.content, *claim.entities):
            assert text[span.start : span.end] == span.text, f"{span} is not in the text"


async def fuzz(first: int, inputs: int, minutes: float, processes: int, findings: Path | None) -> Counter[str]:
    settings = Settings(_env_file=None, worker=Worker(pool_processes=processes))
    ends: Counter[str] = Counter()
    deadline = monotonic() + minutes * 60
    seeds = islice(count(first), inputs)

    async def work(pool: Pool) -> None:
        for seed in seeds:
            value = mutated(seed)
            try:
                ends[await outcome(pool, value, settings.limits)] += 1
            except Exception as error:
                ends["finding"] += 1
                last_line = traceback.format_exception_only(error)[-1].strip().splitlines()[-1]
                print(f"seed {seed}, {len(value)} bytes: {last_line}", file=sys.stderr, flush=True)
                if findings:
                    (findings / f"{seed}.json").write_bytes(value)
            if ends.total() % 500 == 0:
                print(f"{ends.total()} inputs, the last of seed {seed}", file=sys.stderr, flush=True)
            if monotonic() > deadline:
                return

    with Pool(settings, load) as pool:
        await asyncio.gather(*(work(pool) for _ in range(processes)))
    return ends


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000, help="default 20000")
    parser.add_argument("--seed", type=int, default=0, help="of the first input; default 0")
    parser.add_argument("--minutes", type=float, default=60, help="default 60")
    parser.add_argument("--processes", type=int, default=1, help="default 1")
    parser.add_argument("--findings", type=Path, help="folder for inputs that are findings")
    options = parser.parse_args()
    began = monotonic()
    ends = asyncio.run(fuzz(options.seed, options.inputs, options.minutes, options.processes, options.findings))
    for word, number in ends.most_common():
        print(f"{number:7} {word}")
    print(f"{ends.total():7} inputs in {monotonic() - began:.0f} s")
    sys.exit(ends["finding"] > 0)


if __name__ == "__main__":
    main()
