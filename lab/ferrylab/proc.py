"""Processes of the machine: run one, name one for good (id and start time), end one, wait with a deadline."""

import json
import os
import signal
import subprocess
import time


class LabError(Exception):
    """What the lab could not do, as "cannot VERB KIND 'OBJECT': reason"."""


def run(*argv, check=True, timeout=60, text=None, env=None):
    """Run a command of the machine and return its CompletedProcess; a failure or a deadline is a LabError."""
    try:
        done = subprocess.run(argv, input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=timeout, env=env, stdin=None if text is not None else subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise LabError(f"cannot run command '{' '.join(argv)}': no end within {timeout} s") from None
    except OSError as error:
        raise LabError(f"cannot run command '{' '.join(argv)}': {error.strerror}") from None
    if check and done.returncode != 0:
        raise LabError(f"cannot run command '{' '.join(argv)}': exit {done.returncode}: "
                       f"{(done.stderr or done.stdout).strip()[-2000:]}")
    return done


def wait_until(what, question, timeout=60, pause=0.02):
    """Ask until the answer is true and return it; after the deadline say what was waited for."""
    deadline = time.monotonic() + timeout
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise LabError(f"cannot wait for {what}: nothing within {timeout} s")
        time.sleep(pause)


def tail(path, lines=15):
    """The end of a log, for an error's text."""
    try:
        with open(path, "rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - 8192))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"


def start_time(pid):
    """When a process began, in clock ticks since boot; None if there is none. With the id it names a process for good."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as listing:
            return [int(child) for child in listing.read().split()]
    except OSError:
        return []


def end_process(pid, began, timeout=20):
    """SIGKILL for exactly the process recorded as (pid, began), and wait until it is gone. Nothing if it already is."""
    if pid is None or began is None or start_time(pid) != began:
        return
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    wait_until(f"the end of process {pid}", lambda: start_time(pid) != began, timeout)


def write_json(path, value):
    """Replace a small state file whole."""
    partial = f"{path}.{os.getpid()}"
    with open(partial, "w", encoding="utf-8") as out:
        json.dump(value, out, indent=1)
    os.rename(partial, path)


def read_json(path, otherwise=None):
    try:
        with open(path, encoding="utf-8") as state:
            return json.load(state)
    except (OSError, ValueError):
        return otherwise


def write_text(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    os.chmod(path, mode)


class InsideProcess(subprocess.Popen):
    """A process inside a host. Signals reach the command itself, not the nsenter in front of it."""

    def inner_pid(self):
        """The command's id as the machine sees it; None before it began or after it ended."""
        inner = children(self.pid) if self.poll() is None else []
        return inner[0] if inner else None

    def kill_outer(self):
        """End the nsenter alone: the command inside becomes a child of its host's first process."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def send_signal(self, sig):
        deadline = time.monotonic() + 1
        while self.poll() is None and self.inner_pid() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        inner = self.inner_pid()
        if inner is not None:
            os.kill(inner, sig)
        else:
            super().send_signal(sig)
