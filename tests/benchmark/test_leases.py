"""Leases: one holder, whoever tries at once; the dead are passed over, and the sleeping find out."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmark import leases
from benchmark.errors import InputError
from benchmark.leases import Held, LeaseLost, Watch, acquire, holder, turn
from benchmark.results import clear_temporary

ROOT = Path(__file__).parents[2]


def test_a_lease_is_held_by_one_and_free_when_it_is_given_back(tmp_path):
    with acquire(tmp_path) as lease:
        lease.check()
        assert holder(tmp_path).pid == os.getpid()
        with pytest.raises(Held, match=str(os.getpid())):
            acquire(tmp_path)
    assert holder(tmp_path).released
    acquire(tmp_path).release()
    assert [path.name for path in tmp_path.iterdir()] == ["1"], "one small file a lease"


def test_of_many_that_try_at_once_one_takes_it_again_and_again(tmp_path):
    holding, most, taken = [], [], []

    def work():
        while len(taken) < 60:
            try:
                with acquire(tmp_path):
                    holding.append(1)
                    most.append(len(holding))
                    taken.append(1)
                    holding.pop()
            except Held:
                pass

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1 and len(list(tmp_path.iterdir())) == 1


HOLD = """
import sys, time
from pathlib import Path
from benchmark.leases import acquire
acquire(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    """A process that holds the lease in tmp_path."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as child:
        assert child.stdout.readline() == b"held\n"
        yield child
        child.kill()


def test_a_killed_process_of_this_machine_holds_nothing_even_before_it_is_buried(other, tmp_path):
    with pytest.raises(Held):
        acquire(tmp_path)
    other.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while not holder(tmp_path).is_gone():  # a zombie until its parent asks
        assert time.monotonic() < deadline
        time.sleep(0.01)
    acquire(tmp_path).release()
    (tmp_path / f".0-0.{leases.socket.gethostname()}.{other.pid}.tmp").touch()
    other.wait()
    assert clear_temporary(tmp_path) == 1


def test_a_process_of_another_machine_or_container_is_never_looked_up(tmp_path, monkeypatch):
    monkeypatch.setattr(leases, "_place", lambda: "another boot")
    lease = acquire(tmp_path)
    lease._ended.set()
    monkeypatch.undo()
    path = tmp_path / "0"
    path.write_text(json.dumps({**json.loads(path.read_text()), "pid": 2**22 + 1, "born": "1"}))
    assert not holder(tmp_path).is_gone()
    with pytest.raises(Held):
        acquire(tmp_path)


def test_another_process_of_the_same_number_is_not_the_holder(tmp_path):
    acquire(tmp_path)._ended.set()
    path = tmp_path / "0"
    path.write_text(json.dumps({**json.loads(path.read_text()), "born": "1"}))
    assert holder(tmp_path).is_gone()


def test_a_heartbeat_that_stops_is_death_and_one_that_goes_on_is_not(tmp_path, monkeypatch):
    lease = acquire(tmp_path, heartbeat=0.05)
    watch = Watch(dead_after=0.5)
    until = time.monotonic() + 1
    while time.monotonic() < until:
        assert not watch.is_dead(tmp_path, holder(tmp_path))
        time.sleep(0.05)
    lease._ended.set()  # asleep
    lease._thread.join()
    while not watch.is_dead(tmp_path, holder(tmp_path)):
        time.sleep(0.05)
    assert time.monotonic() - until > 0.4
    stamp = holder(tmp_path).stamp
    second = acquire(tmp_path, dead=stamp)
    with pytest.raises(Held):
        acquire(tmp_path, dead=stamp)
    with pytest.raises(LeaseLost):
        lease.check()
    second.check()
    assert holder(tmp_path).number == 1, "what the sleeper wrote is not the highest"


def test_one_who_was_slow_cannot_take_a_number_that_was_used_before(tmp_path, monkeypatch):
    acquire(tmp_path)._ended.set()
    seen = holder(tmp_path)
    real = leases.holder
    monkeypatch.setattr(leases, "holder", lambda folder: seen)  # looked long ago
    acquire(tmp_path, dead=seen.stamp)._ended.set()
    monkeypatch.setattr(leases, "holder", real)
    third = acquire(tmp_path, dead=holder(tmp_path).stamp)  # removes the file of the second
    assert [path.name for path in tmp_path.iterdir()] == ["2"]
    monkeypatch.setattr(leases, "holder", lambda folder: seen)
    with pytest.raises(Held):
        acquire(tmp_path, dead=seen.stamp)
    third.check()


def test_a_file_system_without_hard_links_serves_too(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(leases.os, "link", refuse)
    with acquire(tmp_path), pytest.raises(Held):
        acquire(tmp_path)


def test_a_file_that_the_power_took_is_of_somebody_unknown_whose_heartbeat_stops(tmp_path):
    (tmp_path / "0").write_text("")
    with pytest.raises(Held):
        acquire(tmp_path)
    watch = Watch(dead_after=0.05)
    while not watch.is_dead(tmp_path, holder(tmp_path)):
        time.sleep(0.02)
    acquire(tmp_path, holder(tmp_path).stamp).release()


def test_what_is_no_folder_is_said_and_what_is_no_record_is_of_somebody_unknown(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot keep a lease"):
        acquire(tmp_path / "file" / "lease")
    assert holder(tmp_path / "file") is None
    for number, text in enumerate(("[]", "{}", '{"pid": "x"}', '{"since": null}')):
        (tmp_path / str(number)).write_text(text)
        assert holder(tmp_path).number == number and not holder(tmp_path).is_free()


def test_a_full_disk_does_not_stop_the_heart(tmp_path, monkeypatch):
    lease = acquire(tmp_path)
    before = holder(tmp_path).stamp

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as context:
        context.setattr(Path, "write_text", full)
        time.sleep(0.02)
        lease.check()
    assert holder(tmp_path).stamp != before
    lease.release()


def test_a_turn_waits_for_whoever_is_before(tmp_path):
    first = acquire(tmp_path)
    threading.Timer(0.3, first.release).start()
    began = time.monotonic()
    with turn(tmp_path):
        assert time.monotonic() - began > 0.25
