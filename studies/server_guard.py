"""Imported first by the server process that workers are forked from, and by nothing else: it ends with its driver.

The server notices the end of its driver by itself once it serves; while it still imports it does not.
"""

import atexit
import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

if sys.platform == "linux":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

atexit.register(os._exit, 0)  # taking apart what it has imported would cost a second, and serves nobody
