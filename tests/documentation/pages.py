"""The pages that people read, and the commands on them."""

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"])

BASH = re.compile(r"^```bash\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
TOML = re.compile(r"^```toml\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)
INDENTED = re.compile(r"^    (.*)$", flags=re.MULTILINE)
INLINE = re.compile(r"`((?:python -m|lowdata) [^`]+)`")
CALL = re.compile(r"(?:python -m|lowdata) [^\"&;>\n]+")


def blocks(page):
    """The commands in a page's blocks of code; lines that end in a backslash are joined."""
    text = page.read_text(encoding="utf-8")
    code = [*BASH.findall(text), *INDENTED.findall(re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))]
    return [words(line) for line in CALL.findall("\n".join(code).replace("\\\n", " "))]


def inline(page):
    """The commands inside a page's sentences."""
    calls = [words(" ".join(call.split())) for call in INLINE.findall(page.read_text(encoding="utf-8"))]
    return [call for call in calls if call and call[0] not in ("COMMAND", "X")]


def words(line):
    """A command line's words from the module's name on, with a number for a scheduler's variable."""
    line = line.replace("$SLURM_ARRAY_TASK_ID", "3").removeprefix("python -m ").removeprefix("lowdata ")
    return tuple(shlex.split(line, comments=True))


def presets(page):
    """The TOML blocks of a page."""
    return TOML.findall(page.read_text(encoding="utf-8"))
