"""Write what the pages of docs/ show of the code: python -m tests.documentation."""

import tempfile
from pathlib import Path

from tests.documentation import generated

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        generated.write(Path(folder))
