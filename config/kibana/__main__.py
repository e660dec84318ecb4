"""Put what objects.yaml describes into Kibana, anew if it is there: python -m claimstream.config.kibana URL.

Without a URL it prints the objects, for Kibana's page *Saved objects* or for a look.
"""

import base64
import json
import ssl
import sys
import urllib.error
import urllib.request
from typing import Any

from claimstream.config.indices import Indices
from claimstream.config.kibana.objects import ndjson
from claimstream.config.settings import Elasticsearch, Settings

BOUNDARY = "claimstream-saved-objects"


def main() -> None:
    settings = Settings().elasticsearch
    objects = ndjson(Indices(settings))
    match sys.argv[1:]:
        case []:
            sys.stdout.write(objects)
        case [url] if url.startswith(("http://", "https://")):
            answer = put(url.rstrip("/"), settings, objects)
            if not answer.get("success"):
                sys.exit(f"Kibana at {url} does not take all objects: {json.dumps(answer.get('errors', answer))}")
            print(f"Kibana {url}: {answer['successCount']} saved objects")  # noqa: T201 - its output
        case _:
            sys.exit(__doc__)


def put(kibana: str, settings: Elasticsearch, objects: str) -> dict[str, Any]:
    """POST a file to Kibana's import of saved objects and return its answer. Exits with a line if there is none."""
    body = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="objects.ndjson"\r\n'
        f"Content-Type: application/ndjson\r\n\r\n{objects}\r\n--{BOUNDARY}--\r\n"
    )
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "kbn-xsrf": "claimstream"}
    if settings.api_key:
        headers["Authorization"] = f"ApiKey {settings.api_key.get_secret_value()}"
    elif settings.username and settings.password:
        login = f"{settings.username}:{settings.password.get_secret_value()}"
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    try:
        tls = ssl.create_default_context(cafile=settings.ca_file) if kibana.startswith("https") else None
    except OSError as error:
        sys.exit(f"{settings.ca_file} (elasticsearch.ca_file): {error.strerror or error}")
    if tls and not settings.verify_certificates:
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    request = urllib.request.Request(  # noqa: S310 - main lets http and https pass only
        f"{kibana}/api/saved_objects/_import?overwrite=true", body.encode(), headers
    )
    try:
        with urllib.request.urlopen(request, timeout=60, context=tls) as answer:  # noqa: S310 - as above
            loaded: dict[str, Any] = json.load(answer)
            return loaded
    except urllib.error.HTTPError as error:
        sys.exit(f"Kibana at {kibana} refuses the import: {error.code} {error.read().decode(errors='replace')}")
    except (OSError, ValueError) as error:
        sys.exit(f"Kibana at {kibana} does not answer: {error}")


if __name__ == "__main__":
    main()
