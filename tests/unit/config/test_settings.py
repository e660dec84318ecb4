import pytest
from pydantic import ValidationError

from claimstream.config.settings import Settings
from claimstream.publishing.article import explain


def test_nested_variables(monkeypatch):
    monkeypatch.setenv("CLAIMSTREAM_KAFKA__SERVERS", "a:1,b:2")
    monkeypatch.setenv("CLAIMSTREAM_LIMITS__MIN_WORDS", "7")
    settings = Settings(_env_file=None)
    assert settings.kafka.servers == "a:1,b:2"
    assert settings.limits.min_words == 7


def test_secrets_are_masked(monkeypatch):
    monkeypatch.setenv("CLAIMSTREAM_KAFKA__PASSWORD", "tell-nobody")
    monkeypatch.setenv("CLAIMSTREAM_ELASTICSEARCH__API_KEY", "tell-nobody")
    settings = Settings(_env_file=None)
    assert "tell-nobody" not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("KAFKA__PARTITIONS", "0", "kafka.partitions: "),
        ("KAFKA__SERVER", "a:1", "kafka.server: there is no such setting"),
        ("KAFKAA__SERVERS", "a:1", "kafkaa__servers: there is no such setting"),
        ("LOGLEVEL", "info", "loglevel: there is no such setting"),
        ("KAFKA__SECURITY_PROTOCOL", "SASL_SSL", "kafka: security_protocol SASL_SSL needs username and password"),
        ("ELASTICSEARCH__USERNAME", "ann", "elasticsearch: username and password go together"),
        ("LIMITS__SECONDS", "soon", "limits.seconds: "),
        ("WORKER__BUFFER", "9999", "worker.buffer: "),
        ("KAFKA__PREFIX", "A/B", "kafka.prefix: "),
    ],
)
def test_a_wrong_value_is_named(monkeypatch, variable, value, told):
    monkeypatch.setenv(f"CLAIMSTREAM_{variable}", value)
    with pytest.raises(ValidationError) as raised:
        Settings(_env_file=None)
    assert told in explain(raised.value)


def test_a_misspelt_line_of_the_file_is_named_and_those_of_others_are_not(tmp_path):
    file = tmp_path / ".env"
    file.write_text("KAFKA_PORT=9092\nCLAIMSTREAM_KAFKA__PREFIX=a-\n")
    assert Settings(_env_file=file).kafka.prefix == "a-"
    file.write_text("CLAIMSTREAM_KAFKAA__SERVERS=a:1\n")
    with pytest.raises(ValidationError) as raised:
        Settings(_env_file=file)
    assert explain(raised.value) == "kafkaa__servers: there is no such setting"
