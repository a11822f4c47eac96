"""The parts of docs/ that are made from the code: what stands between two markers of a page is written by a function.

<!-- generated: NAME ARGUMENTS -->
...
<!-- end -->
"""

import re
from pathlib import Path

from benchmark import arms, datasets
from benchmark.runs.help import about
from benchmark.spec import PRESETS, read_preset
from studies import spaces
from tests.documentation import results, tables

DOCS = Path(__file__).parents[2] / "docs"
BACKBONE = "resnet50"  # that of the study
PART = re.compile(r"<!-- generated: ([\w -]+?) -->\n(.*?)<!-- end -->", flags=re.DOTALL)


def pages(folder):
    """Page -> its text as it should be; `folder` is for made-up runs."""
    written = {}
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        if PART.search(text):
            written[page] = PART.sub(
                lambda part: f"<!-- generated: {part[1]} -->\n\n{made(part[1], folder)}\n\n<!-- end -->", text
            )
    return written


def made(marker, folder):
    """The text of a part: its marker names the function, and what more it is given."""
    name, *arguments = marker.split()
    return PARTS[name](folder, *arguments).strip()


def write(folder):
    """Write the pages anew."""
    for page, text in pages(folder).items():
        page.write_text(text, encoding="utf-8")


def data_sets(folder):
    """A chapter for every data set, from its own file."""
    lines = []
    for module in datasets.modules():
        origin = module.ORIGIN
        use = "source of medical pretraining" if module.CORPUS else "for the comparison"
        lines += [f"### `{module.NAME}{':' if module.VARIANT else ''}{module.VARIANT}`", "", f"{module.TITLE}.", ""]
        rows = {"use": use, "size": origin.size or "any", "licence": origin.licence, "cite": origin.source}
        rows |= {"folder under the data root": f"`{module.FOLDER}/`"} if module.FOLDER else {}
        lines += ["| | |", "|---|---|", *(f"| {name} | {tables.escaped(value)} |" for name, value in rows.items()), ""]
        if origin.steps:
            lines += ["```text", *origin.steps, "```", ""]
        lines += [f"`python -m benchmark.data fetch {module.NAME}` brings it.", ""] * hasattr(module, "fetch")
    return "\n".join(lines)


def the_arms(folder):
    """A row an arm, from its own file."""
    rows = []
    for name in arms.names():
        arm = arms.find(name)
        start = f"{arm.weights} weights" if arms.starts_from_weights(arm) else "random weights"
        method = arms.method_of(arm)
        space = spaces.space(method, 15, 60, arms.backbone_of(arm, BACKBONE))
        own = f"`{space[-1].name}`: {space[-1]}"
        if hasattr(method, "DIMENSIONS"):  # all are its own
            own = ", ".join(f"`{dimension.name}`" for dimension in space)
        rows.append(f"| `{name}` | {arms.title_of(arm)} | {start} | {own} |")
    return "\n".join(["| arm | what it is | starts from | its own dimensions |", "|---|---|---|---|", *rows])


def presets(folder):
    """A column a preset, and what each is for, from their files."""
    read = {path.stem: read_preset(path) for path in sorted(PRESETS.glob("*.toml"))}
    labels = {
        "arms": "arms",
        "n_per_class": "images per class",
        "seeds": "training samples",
        "budget": "trials a cell",
        "image_size": "pixels",
        "backbone": "backbone",
    }
    lines = [f"- `{name}`: {about(name)}." for name in read]
    lines += ["", f"| | {' | '.join(f'`{name}`' for name in read)} |", "|---" * (len(read) + 1) + "|"]
    for key, label in labels.items():
        values = [settings[key] for settings in read.values()]
        texts = [", ".join(map(str, value)) if isinstance(value, tuple) else str(value) for value in values]
        lines.append(f"| {label} | {' | '.join(texts)} |")
    return "\n".join(lines)


PARTS = {
    "tables": tables.page,
    "data_sets": data_sets,
    "arms": the_arms,
    "presets": presets,
    "result": results.result,
}
