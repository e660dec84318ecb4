"""Connections to Kafka and Elasticsearch, made from the settings in one place."""

import ssl
from typing import Any

from elasticsearch import AsyncElasticsearch

from claimstream.agents.errors import Fatal
from claimstream.config.settings import Elasticsearch, Kafka
from claimstream.config.topics import Topics
from claimstream.publishing import AsyncPublisher
from claimstream.publishing.connecting import tls


def kafka_tls(kafka: Kafka) -> ssl.SSLContext | None:
    if "SSL" not in kafka.security_protocol:
        return None
    context = tls(kafka.ca_file)
    if kafka.certificate_file:
        context.load_cert_chain(kafka.certificate_file, kafka.key_file)
    return context


def kafka_options(kafka: Kafka) -> dict[str, Any]:
    """Arguments that every aiokafka client takes."""
    return {"bootstrap_servers": kafka.servers.split(","), **kafka_connection(kafka)}


def kafka_connection(kafka: Kafka) -> dict[str, Any]:
    """How to speak to a broker, whichever it is."""
    options: dict[str, Any] = {
        "security_protocol": kafka.security_protocol,
        "ssl_context": kafka_tls(kafka),
    }
    if kafka.security_protocol.startswith("SASL"):
        assert kafka.password is not None  # noqa: S101 - the settings class sees to it
        options |= {
            "sasl_mechanism": kafka.sasl_mechanism,
            "sasl_plain_username": kafka.username,
            "sasl_plain_password": kafka.password.get_secret_value(),
        }
    return options


def publisher(kafka: Kafka, **more: Any) -> AsyncPublisher:
    """`more`: as AsyncPublisher takes it."""
    return AsyncPublisher(
        kafka.servers,
        topic=Topics.of(kafka).raw_articles,
        max_message_bytes=kafka.max_message_bytes,
        **kafka_connection(kafka),
        **more,
    )


def elasticsearch_options(settings: Elasticsearch) -> dict[str, Any]:
    """Arguments by which every client of elasticsearch-py trusts the server and logs in. Raises Fatal."""
    options: dict[str, Any] = {}
    if settings.url.startswith("https"):
        options["verify_certs"] = settings.verify_certificates
        if settings.ca_file:
            try:
                ssl.create_default_context(cafile=settings.ca_file)  # the client tells less
            except OSError as error:
                raise Fatal(f"{settings.ca_file} (elasticsearch.ca_file): {error.strerror or error}") from error
            options["ca_certs"] = str(settings.ca_file)
    if settings.api_key:
        options["api_key"] = settings.api_key.get_secret_value()
    elif settings.username and settings.password:
        options["basic_auth"] = (settings.username, settings.password.get_secret_value())
    return options


def elasticsearch_client(settings: Elasticsearch) -> AsyncElasticsearch:
    """A client that never retries by itself: the sink does, for it alone knows each item's verdict."""
    return AsyncElasticsearch(
        settings.url,
        request_timeout=settings.request_timeout,
        max_retries=0,
        retry_on_timeout=False,
        **elasticsearch_options(settings),
    )
