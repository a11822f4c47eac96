"""A figure on a page keeps its names to itself."""

import re

from analysis import report
from analysis.figures._svg import embedded
from analysis.simulation.simulate import write_block
from tests.analysis.conftest import make_block

FILE = """<?xml version="1.0"?>
<svg xmlns:xlink="http://www.w3.org/1999/xlink" xmlns="http://www.w3.org/2000/svg" version="1.1">
 <metadata><rdf>x</rdf></metadata>
 <defs><style type="text/css">*{}</style><path id="glyph-3" transform="scale(0.1)"/></defs>
 <g id="figure_1"><g clip-path="url(#clip)"><use xlink:href="#glyph-3"/></g></g>
 <clipPath id="clip"><path d="M 0 0"/></clipPath>
</svg>"""


def test_names_in_use_get_a_prefix_and_others_go():
    text = embedded(FILE, "forest")
    assert re.findall(r' id="([^"]*)"', text) == ["forest-glyph-3", "forest-clip"]
    assert 'href="#forest-glyph-3"' in text and "url(#forest-clip)" in text
    assert '<path d="" id="forest-glyph-3"' in text and '<path d="M 0 0"/>' in text
    assert not any(word in text for word in ("metadata", "xlink", "version", "text/css", "<?xml"))


def test_the_bytes_of_a_picture_stand_in_one_line():
    picture = '<svg><image xlink:href="data:image/png;base64,\niVBO\nRw0=" id="image1"/></svg>'
    assert embedded(picture, "errors") == '<svg><image href="data:image/png;base64,iVBORw0="/></svg>'


def test_no_name_stands_twice_on_a_page(tmp_path):
    write_block(tmp_path / "p.parquet", make_block(seeds=3))
    page = report.write_report(tmp_path / "p.parquet", tmp_path / "out", resamples=100).index.read_text()
    names = re.findall(r'\bid="([^"]*)"', page)
    assert len(names) > 50 and len(set(names)) == len(names)
    used = re.findall(r'(?:url\(#|href="#)([^")]+)', page)
    assert used and set(used) <= set(names)
    assert page.count('role="img" aria-label="') == page.count("<figure")
