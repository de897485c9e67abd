"""Real runs, each in a process group of its own, whose steps wait for their end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from captures import until

# The jobs of log_jobs.py.
STEP_IN_A_PROCESS_OF_ITS_OWN = "in_a_process_of_its_own"
STEP_IN_THE_PROCESS_OF_THE_RUN = "in_the_process_of_the_run"


class Run:
    """``dagster job execute`` with a log manager in its ``dagster.yaml``.

    Args:
        side: Which manager, and where logs go.
        folder: The instance's folder.
        job: One of the two above.
    """

    def __init__(self, side, folder, job):
        self.side = side
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        config = {**side.config("worker"), "upload_interval": 1}
        # JSON is YAML.
        written = {"compute_logs": {**side.in_dagster_yaml, "config": config}}
        (self.home / "dagster.yaml").write_text(json.dumps(written))
        jobs = Path(__file__).with_name("log_jobs.py")
        with (folder / "output").open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dagster", "job", "execute", "-f", str(jobs), "-j", job],
                env=side.environment(
                    DAGSTER_HOME=str(self.home),
                    DAGSTER_DISABLE_TELEMETRY="yes",
                    LOG_JOBS_FOLDER=str(folder),
                ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def key(self):
        """The key of the step's log, once something of it is stored."""
        until(self._has_begun, "something is stored")
        path = next(path for path in self.side.stored_paths() if path.endswith(".err.partial"))
        return path.removeprefix("dagster/storage/").split(".", 1)[0].split("/")

    def _has_begun(self):
        assert self.process.poll() is None, f"the run has ended: {self.output()}"
        partials = [self.side.stored(path) for path in self.side.stored_paths() if path.endswith(".partial")]
        # stderr begins with what Dagster itself says.
        return any(b"begun" in text for text in partials) and any(b"a warning" in text for text in partials)

    def final(self, key, extension):
        """The final object of a stream, or None."""
        return self.side.stored(f"dagster/storage/{'/'.join(key)}.{extension}")

    def local(self, key):
        """What is captured so far on the worker's machine."""
        return (self.folder / "worker").joinpath(*key[:-1], f"{key[-1]}.out").read_bytes()

    def tell(self, what):
        """Tell the step to say more, or to end."""
        (self.folder / what).touch()

    def say_more(self, key):
        """Let the step print, and wait until it has."""
        self.tell("more")
        until(lambda: b"more\n" in self.local(key), "the step says more")

    def signal_all(self, number):
        """What a terminal does on Ctrl-C."""
        os.killpg(self.process.pid, number)

    def kill_step(self, viewer, key):
        """Kill the process of the step, which has no say in it."""
        begun = re.search(rb"begun in process (\d+)", viewer.get_log_data(key).stdout)
        os.kill(int(begun[1]), signal.SIGKILL)

    def wait(self):
        """Give the exit code."""
        return self.process.wait(90)

    def output(self):
        return (self.folder / "output").read_text(errors="replace")[-3000:]

    def end(self):
        """Leave no process behind."""
        self.tell("end")
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(90)
