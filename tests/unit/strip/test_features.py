"""What the classifier is told of a line that neither the line nor its neighbours show."""

import numpy as np

from claimstream.pipeline.strip.features import _main_part

PROSE, GAP = 300, -60


def test_the_main_run_of_prose_bridges_a_gap_but_not_a_long_one():
    gains = np.array([GAP, PROSE, GAP, PROSE, *[GAP] * 6, 200], dtype=np.float32)
    inside, above, below, share, left_below, *_ = _main_part(gains).T
    assert np.flatnonzero(inside).tolist() == [1, 2, 3]
    assert (above[0], above[1], below[3], below[4], below[-1]) == (1, 0, 0, 1, 7)
    assert np.allclose(share, 600 / 800)
    assert np.allclose([left_below[4], left_below[-1]], [0, 200 / 800])


def test_a_page_without_prose_has_no_main_part():
    assert not _main_part(np.full(5, GAP, dtype=np.float32))[:, 0].any()
