"""What the README tells the author of a scraper works as it stands there."""

import asyncio
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from aiokafka import AIOKafkaConsumer

from claimstream.agents.provision import create_topics
from claimstream.config.settings import Limits
from claimstream.config.topics import Topics
from claimstream.pipeline.extract import extract
from claimstream.pipeline.strip import strip
from claimstream.publishing.article import RawArticle

README = Path(__file__).parents[2] / "README.md"
PROGRAMS = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


def test_the_scraper_of_the_readme_publishes_articles_with_claims(settings):
    code = next(one for one in PROGRAMS if "aiokafka" in one)
    topic = Topics.of(settings.kafka).raw_articles
    for here, there in (("localhost:9092", settings.kafka.servers), ('"raw-articles"', f'"{topic}"')):
        assert here in code
        code = code.replace(here, there)
    asyncio.run(create_topics(settings.kafka))
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

    async def received() -> bytes:
        async with AIOKafkaConsumer(
            topic, bootstrap_servers=settings.kafka.servers, auto_offset_reset="earliest"
        ) as consumer:
            return (await asyncio.wait_for(consumer.getone(), 30)).value

    raw = RawArticle.from_bytes(asyncio.run(received()))
    claims = extract(strip(raw, datetime.now(UTC), Limits())).claims
    said = {(claim.speaker.name, claim.stance) for claim in claims if claim.speaker}
    assert ("Ada Brook", "asserts") in said
    assert "denies" in {stance for _, stance in said}


def test_the_pipeline_of_the_readme_prints_its_claims():
    code = next(one for one in PROGRAMS if "spacy" in one)
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60).stdout
    assert "Edda Quist asserts ['“The road is open,”']" in told
    assert " denies " in told
