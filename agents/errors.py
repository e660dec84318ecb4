"""What a stage's code raises, named after what becomes of the message.

Unavailable     a server is away or overloaded: the same messages are tried again until it is back
Fatal           nothing can be delivered until a person mends something: the worker stops, offsets stay
Refused         (pipeline.outcomes) nothing to index: counted, then done
Undeliverable   (pipeline.outcomes) no retry will help: dead letter
anything else   a defect of this program: dead letter, and too many in a row are Fatal
"""


class Unavailable(Exception):
    """A server is away or overloaded."""

    def __init__(self, server: str, reason: str) -> None:
        super().__init__(f"{server} is not available: {reason}")
        self.server = server


class Fatal(Exception):
    """A person is needed; the message says what to do."""
