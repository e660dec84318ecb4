"""Files as streams of bytes, unzipped if need be; what cannot be read is one clear error."""

import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from claimstream.publishing.archives.entry import Unreadable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BLOCK = 64 * 1024
STDIN = 0
"""Its file descriptor; a reader of its own, since a thread that is stopped while it reads may hold its lock."""


class _Unzipped(io.RawIOBase):
    """Names the trouble with a broken file; EOFError, as gzip raises it, passes for a proper end elsewhere."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int = -1) -> bytes:
        try:
            return bytes(self._stream.read1(size))  # what is there, before the trouble behind it
        except EOFError as error:
            raise Unreadable("is cut off: the compressed data end too early") from error
        except (zlib.error, zstd.ZstdError) as error:
            raise Unreadable(f"is damaged: {error}") from error
        except OSError as error:
            raise Unreadable(str(error.strerror or error)) from error


class _Gunzipped:
    """The members of a gzip file, one after another, as gzip.GzipFile reads them in half as long again."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._member: Any = None
        self._rest = b""

    def read1(self, size: int) -> bytes:
        """At most `size` bytes, none at the end. Raises EOFError where a member is cut off, and zlib.error."""
        while True:
            chunk, self._rest = self._rest or self._file.read1(BLOCK), b""
            if not chunk:
                if self._member:
                    raise EOFError
                return b""
            if not self._member:
                chunk = chunk.lstrip(b"\0")  # some writers fill up to whole blocks
                if not chunk:
                    continue
                self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
            data: bytes = self._member.decompress(chunk, size)
            self._rest = self._member.unconsumed_tail or self._member.unused_data
            if self._member.eof:
                self._member = None
            if data:
                return data


@contextmanager
def opened(path: Path | None) -> Iterator[tuple[io.RawIOBase, BinaryIO]]:
    """Open a file, or standard input for None; yield it unzipped, by what its first bytes say, and as it is.

    Raises Unreadable.
    """
    try:
        file: BinaryIO = io.BufferedReader(io.FileIO(STDIN, closefd=False)) if path is None else path.open("rb")
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from error
    try:
        yield _Unzipped(_unzipped(file)), file
    finally:
        if path is not None:
            file.close()


def _unzipped(file: Any) -> Any:
    magic = file.peek(4)
    if magic[:2] == b"\x1f\x8b":
        return _Gunzipped(file)
    if magic[:4] == b"\x28\xb5\x2f\xfd":
        return zstd.ZstdFile(file)
    return file
