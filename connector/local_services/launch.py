"""Becomes the program of an embedded engine: the right folder, the right account, and an end with its parent.

Run by path with ``python -I -S``; needs nothing but the standard library. The work between fork and exec is done here
and not in a ``preexec_fn``, which may deadlock in a process with threads.

Arguments: pid of the parent, signal for when the parent dies, folder, uid and gid (-1: stay), program, its arguments.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38


def main(arguments: list[str]) -> None:
    """Replaces this process by the program."""
    parent, death_signal, uid, gid = (int(arguments[index]) for index in (0, 1, 3, 4))
    folder, program = arguments[2], arguments[5]
    os.umask(0o077)
    # Before the account changes: the program's folder may lie below folders that only root can enter.
    os.chdir(folder)
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        # After the account changes, because that clears it. Linux only: elsewhere the next start ends what is left.
        libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("The process that started this engine is gone.")
    os.execv(program, [program, *arguments[6:]])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
