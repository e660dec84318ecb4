import subprocess
import sys

HANGS = """
import threading
from claimstream.agents.worker import leave_by
leave_by(0.1, 7)
threading.Event().wait()
"""


def test_a_process_that_hangs_while_it_leaves_is_ended():
    """Faust may hang where it should exit (its issues 324 and 501)."""
    assert subprocess.run([sys.executable, "-c", HANGS], check=False).returncode == 7
