"""Where a run goes on: never behind what is published."""

import pytest

from claimstream.publishing.archives import Bookmark

FILE = "crawl.warc.gz"
LINE = f"\n{FILE}\t135\n"


def test_the_last_line_of_each_file_counts(tmp_path):
    bookmark = Bookmark(tmp_path, FILE)
    assert bookmark.read() == {}
    bookmark.add([(FILE, 10), ("other.jsonl", 3)])
    bookmark.add([(FILE, 135)])
    assert Bookmark(tmp_path, FILE).read() == {FILE: 135, "other.jsonl": 3}


@pytest.mark.parametrize("length", range(len(LINE)))
def test_a_line_torn_by_a_full_disk_skips_nothing(tmp_path, length):
    bookmark = Bookmark(tmp_path, FILE)
    bookmark.path.write_text(f"\n{FILE}\t99\n" + LINE[:length])
    assert bookmark.read()[FILE] <= 135
    bookmark.add([(FILE, 140), ("crawl", 7)])
    assert bookmark.read() == {FILE: 140, "crawl": 7}
