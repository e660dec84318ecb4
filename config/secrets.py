"""Make the certificates, passwords and logins of docker-compose.yml: make secrets.

What is there stays, so it is safe to repeat; what was deleted is made anew, for the same passwords and authority.
"""

import base64
import hashlib
import ipaddress
import secrets
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PASSWORDS = ("admin", "analyst", "claimstream", "scraper", "kibana-token", "kibana-encryption-key")
ELASTICSEARCH_USERS = ("admin", "analyst", "claimstream")
KAFKA_USERS = ("admin", "claimstream", "scraper")
KAFKA_LISTENERS = ("CONTAINERS", "HOST")
"""Those of docker-compose.yml that others reach."""
YEARS = 10
FOR_CONTAINERS = 0o644
"""Read by the servers' own users, whatever their numbers. The folder above lets nobody else on this machine through."""
Files = dict[str, bytes]


def make(folder: Path, env: Path) -> list[Path]:
    """Make what is missing of the folder, and the lines that `.env` lacks; return what was written.

    Raises ValueError if the folder lacks what the rest of it was made with.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    roots = ("authority", "passwords")
    if missing := [name for name in roots if not (folder / name).exists()]:
        if any(folder.iterdir()):
            raise ValueError(f"{folder / missing[0]} is missing, and what is left in {folder} depends on it: delete it")
        _write(folder / "authority", authority(), 0o600)
        _write(folder / "passwords", {name: secrets.token_hex(16).encode() for name in PASSWORDS}, 0o600)
    key, certificate = ((folder / "authority" / name).read_bytes() for name in ("ca.key", "ca.pem"))
    words = {name: (folder / "passwords" / name).read_text("utf-8") for name in PASSWORDS}
    made = [folder / name for name in missing]
    for name, files, mode in (
        ("public", {"ca.pem": certificate}, FOR_CONTAINERS),
        ("kafka", {"keystore.pem": b"".join(identity("kafka", key, certificate).values())}, FOR_CONTAINERS),
        ("elasticsearch", identity("elasticsearch", key, certificate) | logins(words), FOR_CONTAINERS),
        ("kibana", identity("kibana", key, certificate), FOR_CONTAINERS),
        ("environment", environment(words), 0o600),
    ):
        if not (folder / name).exists():
            _write(folder / name, files, mode)
            made.append(folder / name)
    if lines := list(_missing(env, client("claimstream", words["claimstream"], folder / "public" / "ca.pem"))):
        env.touch(0o600)
        env.chmod(0o600)
        with env.open("a", encoding="utf-8") as file:
            file.writelines(["\n# The worker's logins, made by `make secrets`.\n", *lines])
        made.append(env)
    return made


def _write(folder: Path, files: Files, mode: int) -> None:
    """Whole or not at all."""
    with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as partial:
        for name, content in files.items():
            (path := Path(partial, name)).touch(0o600)
            path.write_bytes(content)
            path.chmod(mode)
        Path(partial).chmod(0o755 if mode == FOR_CONTAINERS else 0o700)
        Path(partial).rename(folder)


def _missing(env: Path, variables: dict[str, str]) -> Iterable[str]:
    lines = env.read_text("utf-8").splitlines() if env.exists() else []
    known = {line.partition("=")[0].removeprefix("export ").strip() for line in lines}
    return (f"{name}={value}\n" for name, value in variables.items() if name not in known)


# ── certificates ─────────────────────────────────────────────────────────────────────────────────────────────────


def authority() -> Files:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "claimstream's certificate authority")])
    usage = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "encipher_only", "decipher_only"), False
    )  # fmt: skip
    certificate = (
        _valid(name, name, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(**usage, key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return {"ca.key": _pem(key), "ca.pem": certificate.public_bytes(Encoding.PEM)}


def identity(host: str, authority_key: bytes, authority_certificate: bytes) -> Files:
    """Make key and certificate of a server that is reached by its service's name, and from this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.load_pem_x509_certificate(authority_certificate)
    signer = load_pem_private_key(authority_key, password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise ValueError("authority/ca.key is not the key that was made here")  # noqa: TRY004 - a file, not a program
    names = [*map(x509.DNSName, (host, "localhost")), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        _valid(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]), issuer.subject, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    return {"key.pem": _pem(key), "certificate.pem": certificate, "ca.pem": authority_certificate}


def _valid(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks differ
        .not_valid_after(now + timedelta(days=365 * YEARS))
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


# ── logins ───────────────────────────────────────────────────────────────────────────────────────────────────────


def logins(words: dict[str, str]) -> Files:
    """Files of Elasticsearch's file realm, and the token by which Kibana logs in."""
    users = [f"{user}:{_hashed(words[user])}\n" for user in ELASTICSEARCH_USERS]
    token = f"elastic/kibana/claimstream:{_hashed(words['kibana-token'])}\n"
    return {"users": "".join(users).encode(), "service_tokens": token.encode()}


def _hashed(password: str) -> str:
    rounds, salt = 10_000, secrets.token_bytes(32)
    found = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds, dklen=32)
    return f"{{PBKDF2}}{rounds}${base64.b64encode(salt).decode()}${base64.b64encode(found).decode()}"


def environment(words: dict[str, str]) -> Files:
    """What single containers alone may know."""
    users = " ".join(f'user_{user}="{words[user]}"' for user in KAFKA_USERS)
    login = f"'org.apache.kafka.common.security.plain.PlainLoginModule required {users};'"
    token = base64.b64encode(b"\x00\x01\x00\x01elastic/kibana/claimstream:" + words["kibana-token"].encode()).decode()
    told = {
        "kafka": {f"KAFKA_LISTENER_NAME_{name}_PLAIN_SASL_JAAS_CONFIG": login for name in KAFKA_LISTENERS},
        "kibana": {
            "ELASTICSEARCH_SERVICEACCOUNTTOKEN": token,
            "XPACK_SECURITY_ENCRYPTIONKEY": words["kibana-encryption-key"],
            "XPACK_ENCRYPTEDSAVEDOBJECTS_ENCRYPTIONKEY": words["kibana-encryption-key"],
            "XPACK_REPORTING_ENCRYPTIONKEY": words["kibana-encryption-key"],
        },
        "grafana": {"GF_SECURITY_ADMIN_PASSWORD": words["admin"]},
        "admin": _login("admin", words["admin"]),
    }
    return {f"{name}.env": "".join(f"{k}={v}\n" for k, v in of.items()).encode() for name, of in told.items()}


def client(user: str, password: str, ca_file: Path) -> dict[str, str]:
    """Settings for commands on this machine; docker-compose.yml has others for addresses and files."""
    return {
        "CLAIMSTREAM_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
        "CLAIMSTREAM_KAFKA__SASL_MECHANISM": "PLAIN",
        "CLAIMSTREAM_KAFKA__CA_FILE": str(ca_file),
        "CLAIMSTREAM_ELASTICSEARCH__URL": "https://localhost:9200",
        "CLAIMSTREAM_ELASTICSEARCH__CA_FILE": str(ca_file),
        **_login(user, password),
    }


def _login(user: str, password: str) -> dict[str, str]:
    return {
        f"CLAIMSTREAM_{server}__{field}": value
        for server in ("KAFKA", "ELASTICSEARCH")
        for field, value in (("USERNAME", user), ("PASSWORD", password))
    }


def main() -> None:
    try:
        made = make(Path("secrets"), Path(".env"))
    except (OSError, ValueError) as error:
        sys.exit(f"secrets: {error}")
    told = f"made {', '.join(map(str, made))}" if made else "nothing to make"
    print(f"{told}; passwords are in secrets/passwords, for browsers secrets/public/ca.pem")  # noqa: T201 - its output


if __name__ == "__main__":
    main()
