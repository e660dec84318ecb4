"""The examples of docs/publishing.md publish what they say, as they stand there."""

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from claimstream.cli.embedded import free_port
from claimstream.publishing import RawArticle

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "publishing.md").read_text("utf-8")
EXAMPLES = [
    (language, code)
    for language, code in re.findall(r"```(python|bash|java|go)\n(.*?)```", PAGE, re.DOTALL)
    if "localhost:9092" in code and "ITEM_PIPELINES" not in code
]
CLIENTS = sorted((ROOT / ".servers").glob("*/kafka"))


def here(code: str, servers: str, topic: str) -> str:
    for told, meant in (
        ('Publisher("localhost:9092")', f'Publisher("{servers}", topic="{topic}")'),
        ("localhost:9092", servers),
        ('"raw-articles"', f'"{topic}"'),
        ("-t raw-articles", f"-t {topic}"),
    ):
        code = code.replace(told, meant)
    return code


def command(language: str, code: str, folder: Path) -> list[str]:
    match language:
        case "python":
            return [sys.executable, "-c", code]
        case "bash":
            if shutil.which("kcat") is None:
                pytest.skip("kcat is not installed")
            (folder / "articles.jsonl").write_text('{"url": "https://example.com/news/7", "text": "The mayor said."}\n')
            return code.split()
        case "go":
            if shutil.which("go") is None:
                pytest.skip("Go is not installed")
            (folder / "main.go").write_text(code)
            for words in (["mod", "init", "example"], ["mod", "tidy"]):
                if subprocess.run(["go", *words], check=False, timeout=120, cwd=folder, capture_output=True).returncode:
                    pytest.skip("franz-go cannot be fetched")
            subprocess.run(["go", "build", "-o", "publish", "."], check=True, timeout=400, cwd=folder)
            return ["./publish"]
        case _:
            if shutil.which("javac") is None or not CLIENTS:
                pytest.skip("needs a Java compiler, and the real servers' jars")
            (folder / "Publish.java").write_text(code)
            return ["java", "-cp", f"{CLIENTS[0]}/*", "Publish.java"]


@pytest.mark.parametrize(("language", "code"), EXAMPLES, ids=lambda value: value.split("\n")[0][:20])
def test_an_example_publishes_proper_articles(settings, topic, published, tmp_path, language, code):
    example = command(language, here(code, settings.kafka.servers, topic), tmp_path)
    subprocess.run(example, check=True, timeout=120, cwd=tmp_path, capture_output=True)
    articles = [RawArticle.from_bytes(record.value) for record in published()]
    told = set(re.findall(r"https://example\.com/news/\d", code)) or {"https://example.com/news/7"}
    assert {one.url for one in articles if one.url} == told
    assert len(articles) == (2 if "agency-17" in code else 1)


@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
def test_the_stream_reads_what_other_clients_compress(settings, topic, published, compression):
    async def publish():
        async with AIOKafkaProducer(bootstrap_servers=settings.kafka.servers, compression_type=compression) as kafka:
            await kafka.send_and_wait(topic, b'{"id": "1", "text": "' + b"words " * 1000 + b'"}')

    asyncio.run(publish())
    assert [RawArticle.from_bytes(record.value).id for record in published()] == ["1"]


def test_there_is_an_example_for_each_client_promised():
    languages = [language for language, _ in EXAMPLES]
    assert [languages.count(one) for one in ("python", "bash", "java", "go")] == [4, 1, 1, 1]


@pytest.mark.parametrize("example", [code for language, code in EXAMPLES if "confluent" in code])
def test_an_example_does_not_pass_over_a_failure(topic, example):
    code = here(example, f"127.0.0.1:{free_port()}", topic).replace('"enable', '"message.timeout.ms": 1000, "enable')
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=60, capture_output=True)
    assert done.returncode != 0
