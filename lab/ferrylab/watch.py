"""How long a guest was silent, seen from outside: its own clock stands still while it is stopped."""

import os
import threading
import time

from .hosts import CONTROL_DIR

POLL_S = 0.002


class Blackout:
    """Context manager: timestamps the guest's heartbeat on every host; then longest_ms, gaps(), faults, lost.

    Precise to the poll (2 ms), the beat (10 ms) and what else the machine has to do: compare it with a watch over a guest
    that is not moved.
    """

    def __init__(self, lab, name):
        self._logs = [_Log(host, name) for host in lab.hosts]
        self._events = []  # (seconds, host name, counter)
        self.faults = []   # the guest's "! TEXT" lines
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._ended = None

    def __enter__(self):
        for log in self._logs:
            log.skip_to_end()
        self._events.append((time.monotonic(), "start", None))
        self._thread.start()
        return self

    def __exit__(self, *failure):
        self._stop.set()
        self._thread.join(10)
        self._ended = time.monotonic()
        for log in self._logs:
            log.close()
        return False

    @property
    def longest_ms(self):
        """The longest silence, the one at the end included."""
        return max((gap for gap, _, _ in self.gaps(0)), default=0.0)

    def gaps(self, over_ms):
        """(milliseconds, host before, host after) of each silence longer than that."""
        times = [*self._events, (self._ended or time.monotonic(), "end", None)]
        pairs = zip(times, times[1:])
        return [((b[0] - a[0]) * 1000, a[1], b[1]) for a, b in pairs if (b[0] - a[0]) * 1000 > over_ms]

    @property
    def beats(self):
        """Heartbeats seen, per host."""
        counts = {}
        for _, host, counter in self._events:
            if counter is not None:
                counts[host] = counts.get(host, 0) + 1
        return counts

    def _watch(self):
        while not self._stop.is_set():
            for log in self._logs:
                for line in log.new_lines():
                    words = line.split()
                    if len(words) == 4 and words[0] == "h":
                        self._events.append((time.monotonic(), log.host.name, int(words[1])))
                    elif line.startswith("! "):
                        self.faults.append(line[2:])
            self._stop.wait(POLL_S)


class _Log:
    """The heartbeat file of one host; it may appear only when the guest arrives."""

    def __init__(self, host, name):
        self.host = host
        self._path = f"{CONTROL_DIR}/{name}.beat"
        self._fd = None
        self._rest = ""
        self._next_try = 0.0

    def _open(self):
        if time.monotonic() < self._next_try:
            return
        self._next_try = time.monotonic() + 0.01
        try:
            self._fd = os.open(self.host.path(self._path), os.O_RDONLY)
        except OSError:
            self._fd = None

    def skip_to_end(self):
        self._open()
        if self._fd is not None:
            os.lseek(self._fd, 0, os.SEEK_END)

    def new_lines(self):
        if self._fd is None:
            self._open()
        if self._fd is None:
            return []
        got = os.read(self._fd, 65536).decode(errors="replace")
        if not got:
            return []
        *lines, self._rest = (self._rest + got).replace("\r", "").split("\n")
        return lines

    def close(self):
        if self._fd is not None:
            os.close(self._fd)
