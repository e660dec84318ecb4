"""How a client gets in, and why Kafka does not let it."""

import asyncio
import logging
import os
import ssl
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from claimstream.publishing.errors import Misconfigured, Unreachable

# In detail it logs its requests, of which that of SASL PLAIN holds the password.
logging.getLogger("aiokafka.conn").addFilter(lambda record: record.levelno > logging.DEBUG)

CONNECT_MILLISECONDS = 15_000
REFUSAL_MILLISECONDS = 5000
RETRY_SECONDS = 0.5
"""aiokafka itself retries what it can; this is between its giving up and the next try."""
TOPIC_LOOKS = 4
"""How often a topic is looked for, RETRY_SECONDS apart, before it counts as missing."""
EMPTY_LOOKS = 30
"""How often if there is none at all: a broker that has just started does not know its topics yet."""


def tls(ca_file: str | os.PathLike[str] | None) -> ssl.SSLContext:
    """Trust this certificate authority, or those of the system. Raises Misconfigured."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise Misconfigured(f"{ca_file} (kafka.ca_file, in Python ca_file): {error.strerror or error}") from error


async def require_topic(servers: str, topic: str, **connection: Any) -> None:
    """Raise Unreachable or Misconfigured. To produce to a topic that is missing might create a wrong one."""
    admin = AIOKafkaAdminClient(
        bootstrap_servers=servers.split(","), **connection, request_timeout_ms=CONNECT_MILLISECONDS
    )
    try:
        await admin.start()
        topics = await admin.list_topics()
        looks = TOPIC_LOOKS if topics else EMPTY_LOOKS
        while topic not in topics and (looks := looks - 1):
            await asyncio.sleep(RETRY_SECONDS)
            topics = await admin.list_topics()
    except (KafkaError, OSError) as error:
        protocol = connection.get("security_protocol", "PLAINTEXT")
        raise await refusal(servers, **connection) or Unreachable(
            f"Kafka is not available: no answer from {servers} that is {protocol}"
        ) from error
    finally:
        await admin.close()
    if topic not in topics:
        raise Misconfigured(
            f"Kafka at {servers} lacks topic {topic}, or hides it from this user: "
            "run `claimstream init`, or ask for the right to write"
        )


async def refusal(servers: str, **connection: Any) -> Misconfigured | None:
    """What a broker refuses, if any says so; aiokafka's clients only log it, and say that nobody answers."""
    for server in servers.split(","):
        host, _, port = server.rpartition(":")
        try:
            (await create_conn(host, int(port), request_timeout_ms=REFUSAL_MILLISECONDS, **connection)).close()
        except (AuthenticationFailedError, SaslAuthenticationFailed) as error:
            return Misconfigured(
                f"Kafka at {server} refuses the login: check kafka.username and password (in Python "
                f"sasl_plain_username, sasl_plain_password): {error}"
            )
        except UnsupportedSaslMechanismError:
            return Misconfigured(
                f"Kafka at {server} does not know kafka.sasl_mechanism {connection.get('sasl_mechanism')}"
            )
        except ssl.SSLError as error:
            return Misconfigured(f"TLS with Kafka at {server} fails: check kafka.ca_file (in Python ca_file): {error}")
        except (KafkaError, OSError, ValueError):
            continue
    return None
