"""The one error that users cause and can mend: bad input, said clearly, before any long work starts."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(Exception):
    """Bad input. The message says what is wrong and where, the likely cause, and the remedy.

    Command lines print it without a traceback and exit with code 2.
    """


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """An `InputError` for a name that does not exist, with the near miss and all that do."""
    options = sorted(known)
    close = difflib.get_close_matches(name, options, n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return InputError(f"unknown {kind} '{name}'.{hint} Known: {', '.join(options)}.")
