from pathlib import Path
from typing import Annotated

import typer

from claimstream.cli import embedded
from claimstream.cli.output import console, print_json

Data = Annotated[Path, typer.Option(help="Folder that keeps the servers' data.")]
DEFAULT_DATA = Path(".claimstream")


def up(
    data: Data = DEFAULT_DATA,
    kafka_port: Annotated[int, typer.Option(min=1, max=65535)] = 9092,
    elasticsearch_port: Annotated[int, typer.Option(min=1, max=65535)] = 9200,
    as_json: Annotated[bool, typer.Option("--json", help="Print the addresses as JSON.")] = False,
) -> None:
    """Start the embedded Kafka and Elasticsearch in the background, on loopback. `claimstream down` stops them."""
    servers = embedded.up(data, kafka_port, elasticsearch_port)
    if as_json:
        print_json({"kafka": servers.kafka, "elasticsearch": servers.elasticsearch, "pid": servers.pid})
        return
    console.print(f"CLAIMSTREAM_KAFKA__SERVERS={servers.kafka}", highlight=False)
    console.print(f"CLAIMSTREAM_ELASTICSEARCH__URL={servers.elasticsearch}", highlight=False)


def down(data: Data = DEFAULT_DATA) -> None:
    """Stop the embedded servers. Their data stays."""
    console.print("stopped" if embedded.down(data) else "not running", highlight=False)
