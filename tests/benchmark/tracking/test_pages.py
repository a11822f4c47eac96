"""What a person sees of a run in MLflow's pages, in a browser."""

import os
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from benchmark.ui import free_port
from tests.benchmark.tracking.mirrored_run import mirrored
from tests.chromium import browser, needs_chromium

pytestmark = [needs_chromium, pytest.mark.slow]


@pytest.fixture
def address(run, report):
    """Of a server of the run's database."""
    mirrored(run)
    port = free_port(5640)
    command = [sys.executable, "-m", "benchmark.tracking.server", str(run.parent), "127.0.0.1", str(port)]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    server = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.5)
        else:
            pytest.fail("the server did not answer")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def test_the_bare_address_shows_the_answer_and_leads_to_studies_trials_and_report(address):
    with browser() as page:
        page.size(1400, 900)
        page.open(address)
        page.wait("document.body.innerText.includes('better than other') && document.querySelector('.ag-row')")
        text = page.text()
        assert "sim, n = 100: auroc of scratch 0.800, other 0.700; scratch better than other." in text, "the note"
        names = page.ask("[...document.querySelectorAll('.ag-row a')].map((link) => link.innerText)")
        assert names == ["scratch: sim, n = 100", "other: sim, n = 100"], "arms alone: no trial, no study"
        columns = page.ask(  # as they stand on the screen, whatever their order in the document
            "[...document.querySelectorAll('.ag-header-cell')]"
            ".sort((a, b) => a.getBoundingClientRect().left - b.getBoundingClientRect().left)"
            ".map((cell) => cell.innerText.trim())"
        )
        shown = [name for name in columns if name in ("holdout_auroc", "ci_low", "ci_high", "verdict")]
        assert shown[:3] == ["holdout_auroc", "ci_low", "ci_high"]
        cells = page.ask("[...document.querySelectorAll('.ag-cell')].map((cell) => cell.innerText.trim())")
        assert {"0.8", "0.75", "0.85", "better than other", "worse than scratch"} <= set(cells)
        visible = page.ask(
            "[...document.querySelectorAll('.ag-cell')].filter((cell) => cell.innerText.trim() === 'better than other')"
            ".every((cell) => cell.getBoundingClientRect().right <= innerWidth)"
        )
        assert visible, "the verdict is read without scrolling"
        assert "Ask questions about" not in text and "telemetry" not in text

        page.ask("document.querySelector('.ag-row [class*=expander], .ag-row button').click()")
        page.wait("document.body.innerText.includes('scratch seed 0')")
        page.ask("[...document.querySelectorAll('a')].find((link) => link.innerText === 'scratch seed 0').click()")
        links = "[...document.querySelectorAll('a')]"
        for name, expected in (("Its trials", "Model metrics"), ("Parallel coordinates", "Parallel Coordinates")):
            page.wait(f"{links}.some((link) => link.innerText.startsWith('{name}'))")
            address_of = page.ask(f"{links}.find((link) => link.innerText.startsWith('{name}')).href")
            back = page.ask("location.href")
            page.open("about:blank")
            page.open(address_of)
            page.wait(f"document.body.innerText.includes('{expected}')")
            page.wait("document.body.innerText.includes('scratch seed 0 trial 003')")
            page.open("about:blank")
            page.open(back)

        arm = page.ask(
            "fetch('/ajax-api/2.0/mlflow/runs/search', {method: 'POST', headers: {'Content-Type': 'application/json'}, "
            "body: JSON.stringify({experiment_ids: ['1'], filter: \"tags.kind = 'arm' and params.arm = 'scratch'\"})})"
            ".then((answer) => answer.json()).then((answer) => answer.runs[0].info.run_id)"
        )
        page.open("about:blank")
        page.open(f"{address}/#/experiments/1/runs/{arm}/artifacts/report/index.html")
        page.wait("document.body.innerText.includes('forest') || document.querySelector('iframe')")
        assert "report" in page.text() and "figures" in page.text() and "tables" in page.text()
