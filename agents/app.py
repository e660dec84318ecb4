"""One Faust app, and so one consumer group, for each stage."""

import os
import socket
import tempfile
from typing import Any

import faust
from faust.types.enums import ProcessingGuarantee

from claimstream.agents.buffer import App
from claimstream.agents.connections import kafka_tls
from claimstream.agents.consumer import Consumer
from claimstream.config.settings import Kafka, Settings, Stage
from claimstream.config.topics import Topics


def credentials(kafka: Kafka) -> Any:
    tls = kafka_tls(kafka)
    if kafka.security_protocol.startswith("SASL"):
        assert kafka.password is not None  # noqa: S101 - the settings class sees to it
        return faust.SASLCredentials(
            mechanism=kafka.sasl_mechanism,
            username=kafka.username,
            password=kafka.password.get_secret_value(),
            ssl_context=tls,
        )
    return faust.SSLCredentials(tls) if tls else None


def client_id() -> str:
    """By which Kafka, and so `claimstream lag`, names the owner of a partition."""
    return f"{socket.gethostname()}-{os.getpid()}"


def build_app(settings: Settings, stage: Stage) -> faust.App:
    """Make the app of a stage. Every value that differs from Faust's default guards against something known."""
    kafka, worker = settings.kafka, settings.worker
    app = App(
        Topics.of(kafka).group(stage),
        broker=[f"aiokafka://{server}" for server in kafka.servers.split(",")],
        broker_credentials=credentials(kafka),
        broker_client_id=client_id(),
        processing_guarantee=ProcessingGuarantee.AT_LEAST_ONCE,
        autodiscover=False,
        web_enabled=False,  # its page answers even when the consumer is dead; health.py knows better
        store="memory://",
        datadir=tempfile.gettempdir(),
        topic_disable_leader=True,  # no use for it, and it needs rights that a plain user lacks
        topic_allow_declare=False,  # `claimstream init` makes the topics, with their sizes
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=10_000,  # a new partition is seen within ten seconds, not five minutes
        consumer_max_fetch_size=kafka.max_message_bytes,
        producer_max_request_size=kafka.max_message_bytes,
        producer_compression_type="zstd",
        producer_acks=-1,
        producer_request_timeout=30,  # not 20 minutes: delivery.py tries again by itself
        broker_session_timeout=kafka.session_timeout,
        broker_rebalance_timeout=kafka.session_timeout,  # members rejoin at once: nothing is waited for (below)
        broker_request_timeout=kafka.session_timeout + 5,  # not 90 s on an answer that comes no more
        broker_heartbeat_interval=kafka.session_timeout / 10,
        broker_max_poll_records=worker.buffer,
        stream_buffer_maxsize=worker.buffer,  # 4096 pages would be gigabytes
        buffer_bytes=worker.buffer_bytes,
        stream_wait_empty=False,  # writes are idempotent; waiting can hang a rebalance
        stream_processing_timeout=max(120.0, 4 * settings.limits.seconds),
    )
    app.transport.Consumer = Consumer  # type: ignore[misc]  # the only way to give Faust one
    return app
