"""Imported first by the server process that workers are forked from, and by nothing else: it ends with its driver.

The server notices the end of its driver by itself once it serves; while it still imports it does not.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

if sys.platform == "linux":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() == 1:  # it died before that
        sys.exit()
