"""Every metric, with its type and meaning. Served by each worker at /metrics."""

from prometheus_client import Counter, Gauge, Histogram

from claimstream.config.settings import STAGES
from claimstream.pipeline.outcomes import Fault

ARTICLES = Counter(
    "claimstream_articles_total",
    "Articles that left a stage, by outcome (`passed` on to the next one, or the word its way ended in) and reason.",
    ["stage", "outcome", "reason"],
)
RECEIVED = Counter(
    "claimstream_received_total",
    "Articles that came by HTTP: published, invalid, or failed because Kafka did not confirm them in time.",
    ["outcome"],
)
for _outcome in ("published", "invalid", "failed"):
    RECEIVED.labels(_outcome)  # so that it is there, at 0, before the first
HANDLING_SECONDS = Histogram(
    "claimstream_handling_seconds",
    "Time from taking up a unit of articles to its verdicts, retries included.",
    ["stage"],
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300),
)
UNIT_ARTICLES = Histogram(
    "claimstream_unit_articles",
    "Articles that a stage handled together.",
    ["stage"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200),
)
DEAD_LETTERS = Counter("claimstream_dead_letters_total", "Dead letters written, by fault.", ["stage", "fault"])
RETRIES = Counter("claimstream_retries_total", "Tries repeated because a server was away or overloaded.", ["server"])
BULK_DOCUMENTS = Histogram(
    "claimstream_bulk_documents",
    "Documents in one bulk request.",
    buckets=(1, 5, 20, 50, 100, 200, 500, 1000),
)
BULK_BYTES = Histogram(
    "claimstream_bulk_bytes",
    "Bytes in one bulk request.",
    buckets=tuple(4.0**n for n in range(5, 14)),
)
CLAIMS = Counter("claimstream_claims_total", "Claims written to Elasticsearch, rewritten ones included.")
IN_FLIGHT = Gauge("claimstream_in_flight", "Units of articles that are being handled.", ["stage"])
POOL_RESTARTS = Counter("claimstream_pool_restarts_total", "Pool processes lost to an article, by fault.", ["fault"])
LAG = Gauge("claimstream_lag", "Messages between the committed and the end offset.", ["stage", "topic", "partition"])
OLDEST = Gauge(
    "claimstream_oldest_seconds",
    "How long the oldest message not yet processed has waited; 0 if none waits.",
    ["stage", "topic", "partition"],
)
PROGRESS_AGE = Gauge(
    "claimstream_progress_age_seconds",
    "Time since the stage last committed, retried or had nothing to do.",
    ["stage"],
)
MEMORY = Gauge(
    "claimstream_memory_bytes",
    "Resident memory of the worker's own process, and of its pool's processes together.",
    ["processes"],
)

# A counter that is born at 1 has not risen for Prometheus: those that alerts watch stand at 0 from the beginning.
for _fault in Fault:
    POOL_RESTARTS.labels(_fault)
    for _stage in STAGES:
        DEAD_LETTERS.labels(_stage, _fault)
for _server in ("Kafka", "Elasticsearch"):
    RETRIES.labels(_server)
