"""An SVG as a part of a page that holds others: valid as HTML, and with names that are its own."""

from __future__ import annotations

import re

ID = re.compile(r' id="([^"]*)"')
REFERENCE = re.compile(r'(url\(#|href="#)([^")]*)')
SPACE = re.compile(r"<path (?![^>]*\bd=)")
DATA = re.compile(r'href="data:[^"]*"')
METADATA = re.compile(r"\s*<metadata>.*?</metadata>", re.DOTALL)


def embedded(text: str, name: str) -> str:
    """The picture without prologue and metadata; names that it uses begin with its own, the others are left out.

    Args:
        text: a file that matplotlib wrote.
        name: of the picture on the page.
    """
    text = SPACE.sub('<path d="" ', METADATA.sub("", text[text.index("<svg") :]))
    used = {reference for _, reference in REFERENCE.findall(text)}
    text = ID.sub(lambda match: f' id="{name}-{match[1]}"' if match[1] in used else "", text)
    text = REFERENCE.sub(lambda match: f"{match[1]}{name}-{match[2]}", text)
    text = DATA.sub(lambda match: re.sub(r"\s", "", match[0]), text)  # lines are broken in them, which no URL may be
    # Namespaces and an old way to style belong to files of their own.
    text = re.sub(r' xmlns:\w+="[^"]*"| version="[^"]*"', "", text).replace("xlink:href=", "href=")
    return re.sub(r'<style type="text/css">(.*?)</style>', r"<style>\1</style>", text, flags=re.DOTALL)
