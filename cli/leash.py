"""Runs a command that ends when the process that asked for it ends, however that ends.

A process killed with -9 cannot end its children. So a small process stands between: it ends the command,
and all that the command started, as soon as its own parent is gone.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import IO

GRACE = 10
"""Seconds between asking the command to end and killing it."""
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def leashed(command: Sequence[str], output: IO[bytes], env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start the command, its output in the file. Ctrl-C in the terminal does not reach it."""
    return subprocess.Popen(  # noqa: S603 - callers give literal commands
        [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=env,
        start_new_session=True,
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """End a leashed command and wait until nothing of it is left."""
    process.terminate()
    process.wait(3 * GRACE)


def _guard(parent: int, command: Sequence[str]) -> int:
    """Run the command until it or the parent ends; return its exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc:  # so that all processes of the command can be waited for here
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)

    def end_with_guard() -> None:
        """For the case that the guard itself is killed; only Linux has this."""
        if libc:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    child = subprocess.Popen(  # noqa: S603 - callers give literal commands
        command,
        process_group=0,
        preexec_fn=end_with_guard,  # noqa: PLW1509 - unsafe only beside threads, and none run here
    )
    try:
        while os.getppid() == parent:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return child.wait(0.5)
        return 128 + signal.SIGHUP
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if not _end_group(child.pid, signal.SIGTERM):
            _end_group(child.pid, signal.SIGKILL)


def _end_group(group: int, signal_number: int) -> bool:
    """Send the signal and wait. True if nothing of the group is left."""
    deadline = time.monotonic() + GRACE
    try:
        os.killpg(group, signal_number)
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            os.killpg(group, 0)
            time.sleep(0.02)
    except ProcessLookupError:
        return True
    return False


if __name__ == "__main__":
    sys.exit(_guard(int(sys.argv[1]), sys.argv[2:]))
