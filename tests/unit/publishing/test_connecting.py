"""What keeps a client out is told by name; without that, aiokafka says that nobody answers."""

import logging
import ssl

import pytest
from aiokafka.errors import SaslAuthenticationFailed, UnsupportedSaslMechanismError

from claimstream.cli.embedded import free_port
from claimstream.publishing import AsyncPublisher, Misconfigured, Unreachable, connecting


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (SaslAuthenticationFailed("invalid credentials"), Misconfigured, "refuses the login: check kafka.username and"),
        (UnsupportedSaslMechanismError(), Misconfigured, "does not know kafka.sasl_mechanism PLAIN"),
        (ssl.SSLError("self-signed certificate"), Misconfigured, "fails: check kafka.ca_file .*self-signed"),
        (ConnectionRefusedError(), Unreachable, "no answer from .* that is SASL_PLAINTEXT"),
    ],
)
async def test_why_a_broker_refuses_is_told(monkeypatch, answer, kind, told):
    async def create_conn(*_, **__):
        raise answer

    monkeypatch.setattr(connecting, "create_conn", create_conn)
    login = {"sasl_mechanism": "PLAIN", "sasl_plain_username": "scraper", "sasl_plain_password": "wrong"}
    publisher = AsyncPublisher(f"127.0.0.1:{free_port()}", security_protocol="SASL_PLAINTEXT", **login)
    with pytest.raises(kind, match=told) as raised:
        await publisher.start()
    assert "\n" not in str(raised.value)


def test_a_certificate_authority_that_is_not_there_is_named(tmp_path):
    with pytest.raises(Misconfigured, match=r"nowhere\.pem .kafka\.ca_file.*: No such file or directory"):
        AsyncPublisher(security_protocol="SSL", ca_file=tmp_path / "nowhere.pem")


def test_requests_are_not_logged_for_one_of_them_holds_the_password(caplog):
    with caplog.at_level(logging.DEBUG):
        for level in (logging.DEBUG, logging.INFO):
            logging.getLogger("aiokafka.conn").log(level, "a request")
    assert [record.levelno for record in caplog.records] == [logging.INFO]
