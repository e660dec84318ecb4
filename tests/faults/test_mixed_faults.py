"""The short form of `make faults`: several faults, one upon the other, in one stream."""

from itertools import islice

import pytest

from .articles import articles
from .plain import EXACT
from .proof import WORKERS, Proof
from .proxy import Proxy

SEED = 21
FAULTS = (
    "Elasticsearch bulk items fail",
    "all workers killed (-9)",
    "Elasticsearch answers cut",
    "worker added, another stopped",
    "worker frozen past its session",
)
ARTICLES = 12
"""For each fault."""


@pytest.mark.real
@pytest.mark.timeout(1800)
def test_nothing_is_lost_or_doubled_by_several_faults_in_turn(stream, servers):
    values = articles(SEED, ARTICLES * len(FAULTS))
    with Proxy(servers.elasticsearch, SEED).running() as proxy:
        proof = Proof(stream, servers, proxy, SEED, evicts=True)
        for _ in range(WORKERS):
            proof.start_worker()
        for name in FAULTS:
            proof.slice(name, list(islice(values, ARTICLES)))
        as_it_is, replayed = proof.at_rest()
    assert (str(as_it_is), str(replayed)) == (EXACT, EXACT)
    assert proof.kills >= WORKERS
