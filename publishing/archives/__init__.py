"""Articles out of files: what `claimstream publish` reads. One module a format; each reads in bounded memory."""

from claimstream.publishing.archives.bookmark import Bookmark
from claimstream.publishing.archives.entry import Entry
from claimstream.publishing.archives.reading import STDIN, files, read
from claimstream.publishing.archives.sending import Sending

__all__ = ["STDIN", "Bookmark", "Entry", "Sending", "files", "read"]
