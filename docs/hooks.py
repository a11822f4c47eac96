"""What the site shows from outside docs/: README is its first page, and some other files are pages too.

Links between them are written as they work in a checkout, and are made to work on the site; those to files that are no
pages lose their target.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
#: File of the checkout -> page of the site.
OUTSIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
    "analysis/simulation/VALIDATION.md": "validation.md",
}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s#]+)(#[^)]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    """Add the files that lie elsewhere."""
    for source, page in OUTSIDE.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=relinked(text, source)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let the links of the pages in docs/ lead to pages."""
    source = page.file.src_uri
    return markdown if source in OUTSIDE.values() else relinked(markdown, f"docs/{source}")


def relinked(text: str, source: str) -> str:
    """A page's text with links as the site has them; `source` is its path in the checkout."""

    def link(match: re.Match[str]) -> str:
        mark, label, target, anchor = match[1], match[2], match[3], match[4] or ""
        if "://" in target:
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        if path in OUTSIDE:
            return f"{mark}[{label}]({OUTSIDE[path]}{anchor})"
        if path.startswith("docs/"):
            return f"{mark}[{label}]({path.removeprefix('docs/')}{anchor})"
        return f"{label} (`{path}`)"

    return LINK.sub(link, text)
