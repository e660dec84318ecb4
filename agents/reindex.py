"""A new index behind an alias, filled from the old one: for a changed template or analyzer.

The index stage must rest meanwhile, for what it deleted from the old index would stay in the new one. The other stages
may run on: what they make waits in Kafka. Readers see the old index until the alias is switched, at once and whole.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from elasticsearch import ApiError, AsyncElasticsearch, TransportError

from claimstream.agents.bulk import Action, Bulk, Rejected
from claimstream.agents.connections import elasticsearch_client, kafka_options
from claimstream.agents.errors import Fatal, Unavailable
from claimstream.agents.messages import Message
from claimstream.agents.provision import create_indices, kafka_admin, translated
from claimstream.config.indices import Indices, Kind
from claimstream.config.settings import Kafka, Settings
from claimstream.config.topics import Topics
from claimstream.pipeline.documents import stored_article

PAGE = 500
KEYS: dict[Kind, str] = {"articles": "article_id", "claims": "claim_id", "outcomes": "origin"}
"""Fields that hold the documents' ids, by which they are read in order."""


@dataclass(frozen=True)
class Reindexed:
    alias: str
    old: str
    new: str
    documents: int


async def reindex(settings: Settings, kinds: list[Kind]) -> list[Reindexed]:
    """Build a new index for each kind and switch its alias. Raises Unavailable or Fatal, with the alias as it was."""
    await _require_rest(settings.kafka)
    client, indices = elasticsearch_client(settings.elasticsearch), Indices(settings.elasticsearch)
    try:
        await create_indices(client, indices)
        return [await _reindex(client, indices, kind) for kind in kinds]
    except (TransportError, ApiError) as error:
        raise translated(error, settings.elasticsearch.url) from error
    finally:
        await client.close()


async def _require_rest(kafka: Kafka) -> None:
    """Raise Fatal if the index stage runs anywhere."""
    group = Topics.of(kafka).group("index")
    async with kafka_admin(kafka) as admin:
        try:
            (answer,) = await admin.describe_consumer_groups([group])
        except KafkaError as error:
            raise Unavailable("Kafka", repr(error)) from error
    _, _, state, *_ = answer.groups[0]
    if state not in {"Empty", "Dead", ""}:
        raise Fatal(
            f"a worker runs the index stage (group {group}): stop it, or let it run `worker --agents strip,extract`"
        )


async def _reindex(client: AsyncElasticsearch, indices: Indices, kind: Kind) -> Reindexed:
    alias = indices.alias(kind)
    (old,) = await client.indices.get_alias(name=alias)
    new = indices.index(kind)
    for number in count(2):
        if not await client.indices.exists(index=new):
            break
        new = f"{indices.index(kind)}.{number}"
    await client.indices.create(index=new)
    try:
        copied = await _copy(client, indices, kind, old, new)
    except BaseException:
        await client.indices.delete(index=new)
        raise
    actions = [{"remove": {"index": old, "alias": alias}}, {"add": {"index": new, "alias": alias}}]
    await client.indices.update_aliases(actions=actions)
    return Reindexed(alias, old, new, copied)


async def _copy(client: AsyncElasticsearch, indices: Indices, kind: Kind, old: str, new: str) -> int:
    """Copy all documents with their versions, by which the index tells late writes."""
    bulk = Bulk(client, indices.settings, require_alias=False)
    copied = 0
    async for hits in _pages(client, old, KEYS[kind]):
        actions = [Action(new, hit["_id"], hit["_source"], hit["_version"]) for hit in hits]
        for action, verdict in zip(actions, await bulk.write(actions), strict=True):
            if isinstance(verdict, Rejected):
                raise Fatal(
                    f"document {action.id} of {old} does not fit into {new}: {verdict.error}. Mend the template in "
                    "config/elasticsearch, or process the articles again"
                )
        copied += len(actions)
    await client.indices.refresh(index=new)
    return copied


async def _pages(client: AsyncElasticsearch, index: str, key: str) -> AsyncIterator[list[dict[str, Any]]]:
    await client.indices.refresh(index=index)
    after: dict[str, Any] = {}
    while hits := (await client.search(index=index, size=PAGE, sort=[key], version=True, **after))["hits"]["hits"]:
        yield hits
        after = {"search_after": hits[-1]["sort"]}


async def extract_again(settings: Settings) -> int:
    """Send the stored articles through extract and index once more; return how many. Raises Unavailable or Fatal.

    Each keeps its origin and its version, so that a later version stands, whenever it comes.
    """
    topics, indices = Topics.of(settings.kafka), Indices(settings.elasticsearch)
    client = elasticsearch_client(settings.elasticsearch)
    producer = AIOKafkaProducer(
        **kafka_options(settings.kafka),
        acks="all",
        compression_type="zstd",
        max_request_size=settings.kafka.max_message_bytes,
    )
    sent = 0
    try:
        await producer.start()
        async for hits in _pages(client, indices.alias("articles"), KEYS["articles"]):
            for hit in hits:
                article = stored_article(hit["_source"])
                topic, partition, offset = hit["_source"]["origin"].rsplit("/", 2)
                at = Message(topic, int(partition), int(offset), None, None, article.fetched_at.timestamp())
                headers = list(at.history.items())
                await producer.send_and_wait(topics.articles, article.to_bytes(), article.id.encode(), headers=headers)
            sent += len(hits)
    except (TransportError, ApiError) as error:
        raise translated(error, settings.elasticsearch.url) from error
    except KafkaError as error:
        raise Unavailable("Kafka", repr(error)) from error
    finally:
        await producer.stop()
        await client.close()
    return sent
