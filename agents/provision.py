"""Topics and indices: made by `claimstream init`, awaited by the worker."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
    for_code,
)
from aiokafka.structs import TopicPartition
from elasticsearch import (
    ApiError,
    AsyncElasticsearch,
    SSLError,
    TransportError,
    UnsupportedProductError,
)

from claimstream.agents.backoff import delays
from claimstream.agents.connections import elasticsearch_client, kafka_connection, kafka_options
from claimstream.agents.errors import Fatal, Unavailable
from claimstream.config.indices import KINDS, Indices
from claimstream.config.settings import Elasticsearch, Kafka, Settings
from claimstream.config.topics import Topics
from claimstream.publishing.connecting import refusal

log = logging.getLogger(__name__)

OLDEST_ELASTICSEARCH = 8
"""Major version; the client speaks to the servers of its own and the last major version."""
TOPIC_LOOKS, TOPIC_SECONDS = 100, 0.2
"""How often a new topic is looked for, so long apart: the controller tells the brokers of it a little later."""


@asynccontextmanager
async def kafka_admin(kafka: Kafka) -> AsyncIterator[AIOKafkaAdminClient]:
    """Connect an admin client. Raises Unavailable or Fatal."""
    admin = AIOKafkaAdminClient(**kafka_options(kafka), request_timeout_ms=15_000)
    try:
        await admin.start()
    except (KafkaError, OSError) as error:
        refused = await refusal(kafka.servers, **kafka_connection(kafka))
        raise Fatal(str(refused)) if refused else kafka_trouble(error, kafka) from error
    try:
        yield admin
    except KafkaError as error:
        raise kafka_trouble(error, kafka) from error
    finally:
        await admin.close()


def kafka_trouble(error: KafkaError | OSError, kafka: Kafka) -> Unavailable | Fatal:
    """What an error of a Kafka client means for who called it."""
    match error:
        case AuthenticationFailedError() | UnsupportedSaslMechanismError():
            return Fatal(
                f"Kafka at {kafka.servers} refuses the login: check kafka.username, password and sasl_mechanism: "
                f"{error}"
            )
        case TopicAuthorizationFailedError() | GroupAuthorizationFailedError() | ClusterAuthorizationFailedError():
            return Fatal(f"Kafka at {kafka.servers} forbids this user what it needs: {error!r}")
        case OSError() | KafkaConnectionError():
            return Unavailable(
                "Kafka", f"no answer from {kafka.servers} (kafka.servers) that is {kafka.security_protocol}"
            )
        case _:
            return Unavailable("Kafka", f"{kafka.servers}: {error!r}")


async def partitions(admin: AIOKafkaAdminClient, topics: Sequence[str], kafka: Kafka) -> list[TopicPartition]:
    """The partitions of topics. Raises Fatal if one is missing; merely to ask for it could create it."""
    if missing := set(topics) - set(await admin.list_topics()):
        raise Fatal(f"Kafka at {kafka.servers} lacks topic {', '.join(sorted(missing))}: run `{init(kafka)}`")
    return [
        TopicPartition(topic["topic"], partition)
        for topic in await admin.describe_topics(list(topics))
        for partition in sorted(one["partition"] for one in topic["partitions"])
    ]


def init(kafka: Kafka) -> str:
    return "claimstream --backfill init" if kafka.backfill else "claimstream init"


async def create_topics(kafka: Kafka) -> list[str]:
    """Create the topics that do not exist yet and return their names, once a broker knows them.

    Raises Unavailable or Fatal.
    """
    topics = Topics.of(kafka)
    async with kafka_admin(kafka) as admin:
        missing = sorted(set(topics.all()) - set(await admin.list_topics()))
        response = await admin.create_topics([_new_topic(name, topics, kafka) for name in missing]) if missing else None
        for name, code, *_ in response.topic_errors if response else ():
            if code and code != TopicAlreadyExistsError.errno:
                raise Fatal(f"Kafka does not create topic {name}: {for_code(code).__name__}")
        for _ in range(TOPIC_LOOKS):
            if not (unknown := set(missing) - set(await admin.list_topics())):
                break
            await asyncio.sleep(TOPIC_SECONDS)
        else:
            log.warning("Kafka at %s created %s but does not list them yet", kafka.servers, ", ".join(sorted(unknown)))
        return missing


def _new_topic(name: str, topics: Topics, kafka: Kafka) -> NewTopic:
    config = {"max.message.bytes": str(kafka.max_message_bytes)}
    if name == topics.raw_articles:
        config["message.timestamp.type"] = "LogAppendTime"  # a scraper's clock may be wrong; the broker's decides
    if name == topics.dead_letters:
        config["retention.ms"] = "-1"  # kept until a person has looked
    if name == topics.sites:
        config["cleanup.policy"] = "compact"  # the last word on each article of a site is the memory
    partitions = 1 if name == topics.sites else kafka.partitions
    return NewTopic(name, partitions, kafka.replication_factor, topic_configs=config)


async def create_indices(client: AsyncElasticsearch, indices: Indices) -> list[str]:
    """Put the templates and create what is missing; return the new indices' names. Raises Unavailable or Fatal."""
    created = []
    try:
        for kind in KINDS:
            await client.indices.put_index_template(name=indices.alias(kind), **_keywords(indices.index_template(kind)))
            if not await client.indices.exists_alias(name=indices.alias(kind)):
                await client.indices.create(index=indices.index(kind), aliases={indices.alias(kind): {}})
                created.append(indices.index(kind))
    except (TransportError, ApiError) as error:
        raise translated(error, indices.settings.url) from error
    return created


def _keywords(body: dict[str, Any]) -> dict[str, Any]:
    """Elasticsearch's `_meta` is the Python client's `meta`."""
    return {key.lstrip("_"): value for key, value in body.items()}


def translated(error: TransportError | ApiError, url: str) -> Unavailable | Fatal:  # noqa: PLR0911 - one word a case
    """What an error of the Elasticsearch client means for the stream."""
    match error:
        case UnsupportedProductError():
            return Fatal(f"what answers at {url} (elasticsearch.url) is not Elasticsearch")
        case SSLError():
            return Fatal(f"TLS with {url} fails: check elasticsearch.ca_file: {error.message}")
        case ApiError(status_code=401):
            return Fatal(
                f"Elasticsearch at {url} refuses the login: check elasticsearch.api_key, or username and password"
            )
        case ApiError(status_code=403) if "cluster_block" not in str(error):
            return Fatal(f"Elasticsearch at {url} forbids this user what it needs: {error.message}: {_reason(error)}")
        case ApiError(status_code=404):
            return Fatal(f"Elasticsearch at {url} lacks an index: run `claimstream init`: {_reason(error)}")
        case ApiError(status_code=status) if status in {403, 408, 429} or status >= 500:
            return Unavailable("Elasticsearch", f"{status} {advised(_reason(error))}")
        case ApiError():
            return Fatal(f"Elasticsearch at {url} does not accept a request: {error.status_code} {_reason(error)}")
        case _:
            return Unavailable("Elasticsearch", f"{url} (elasticsearch.url): {error.message}")


def advised(reason: str) -> str:
    """Add what to do to a reason for which a person has to do something, though the stream can wait for it."""
    if "flood-stage" in reason:
        return f"{reason}: make room on its disk, or give it a larger one; it takes writes again by itself"
    if "read-only" in reason:
        return f"{reason}: somebody set index.blocks.read_only: take it off"
    return reason


def _reason(error: ApiError) -> str:
    body = error.body
    if not isinstance(body, dict) or not isinstance(body.get("error"), dict):
        return str(body)[:200]
    reasons: list[str] = []
    cause = body["error"]
    while isinstance(cause, dict) and len(reasons) < 4:
        reasons.append(str(cause.get("reason")))
        cause = cause.get("caused_by")
    return ": ".join(reasons)


async def check_version(client: AsyncElasticsearch, url: str) -> None:
    """Raise Fatal unless the server is Elasticsearch of a version that the client speaks to."""
    try:
        nodes = await client.nodes.info(filter_path="nodes.*.version")
    except (TransportError, ApiError) as error:
        raise translated(error, url) from error
    versions = {node["version"] for node in nodes.get("nodes", {}).values()}
    for version in versions:
        if int(version.split(".")[0]) < OLDEST_ELASTICSEARCH:
            raise Fatal(f"Elasticsearch at {url} is {version}; claimstream needs {OLDEST_ELASTICSEARCH} or newer")


async def initialise(settings: Settings) -> tuple[list[str], list[str]]:
    """Create topics and indices; return the names of the new ones. Safe to repeat. Raises Unavailable or Fatal."""
    topics = await create_topics(settings.kafka)
    client = elasticsearch_client(settings.elasticsearch)
    try:
        await check_version(client, settings.elasticsearch.url)
        return topics, await create_indices(client, Indices(settings.elasticsearch))
    finally:
        await client.close()


async def wait_until_ready(settings: Settings, *, index: bool) -> None:
    """Wait for Kafka and the topics and, if the index stage runs, for Elasticsearch and the indices. Raises Fatal."""
    await _until(lambda: _require_topics(settings.kafka))
    if index:
        await _until(lambda: _require_indices(settings.elasticsearch))


async def _until(check: Callable[[], Awaitable[None]]) -> None:
    """Repeat a check until it passes; say what is waited for, once for each reason."""
    said = ""
    for delay in delays(base=1, cap=10):
        try:
            await check()
        except Unavailable as away:
            if str(away) != said:
                said = str(away)
                log.warning("waiting: %s", said)
            await asyncio.sleep(delay)
        else:
            return


async def _require_topics(kafka: Kafka) -> None:
    async with kafka_admin(kafka) as admin:
        missing = set(Topics.of(kafka).all()) - set(await admin.list_topics())
    if missing:
        raise Unavailable(
            "Kafka",
            f"topics {', '.join(sorted(missing))} are missing, or hidden from this user; run `{init(kafka)}`",
        )


async def _require_indices(settings: Elasticsearch) -> None:
    client, indices = elasticsearch_client(settings), Indices(settings)
    try:
        await check_version(client, settings.url)
        missing = [i for k in KINDS if not await client.indices.exists_alias(name=(i := indices.alias(k)))]
    except (TransportError, ApiError) as error:
        raise translated(error, settings.url) from error
    finally:
        await client.close()
    if missing:
        raise Unavailable("Elasticsearch", f"indices {', '.join(missing)} are missing; run `claimstream init`")
