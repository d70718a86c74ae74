"""A program that becomes another one, which is then told to stop (SIGTERM) when the process that started it dies.

    python leash.py PARENT_PID COMMAND ARGUMENT...

Without it a supervisor killed by SIGKILL would leave workers behind that hold the port. It works where the kernel
has PR_SET_PDEATHSIG (Linux, prctl(2)) and only starts the command elsewhere. Standard library only.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Read the arguments, tie this process to its parent and become the command."""
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        sys.exit("the supervisor is gone")
    os.execv(command[0], command)  # noqa: S606 - the supervisor's own list of arguments, no shell


if __name__ == "__main__":
    main()
