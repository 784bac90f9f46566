"""How times are taken on a machine that is never quiet: tools side by side, round by round, and only ratios are told.

A round runs every tool once, in an order that turns. The first round warms caches and is dropped. A fixed piece of work runs
before each command; where it varies by more than 30 % within the run (its slowest tenth left out), the figures are not believed.
"""

import hashlib
import statistics
import time
from dataclasses import dataclass, field

CONTROL_SPREAD = 0.30


class Unsteady(Exception):
    """The machine was busy with something else."""


@dataclass
class Sample:
    seconds: float
    wire_bytes: int
    cpu_seconds: float


@dataclass
class Ratio:
    """Of the same round's figures: ours against theirs."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values):
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self):
        return f"{self.median:.2f} ({self.low:.2f}–{self.high:.2f})"


def busy_seconds():
    """Seconds that the machine's processors have worked, all processes together."""
    with open("/proc/stat", encoding="ascii") as stat:
        user, nice, system, _idle, _wait, irq, softirq = map(int, stat.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / 100


def control():
    """Seconds that a fixed piece of work takes now."""
    block = bytes(1 << 20)
    begun = time.monotonic()
    state = hashlib.sha256()
    for _ in range(64):
        state.update(block)
    return time.monotonic() - begun


@dataclass
class Run:
    """All samples of one cell: tool -> one Sample a round."""

    samples: dict = field(default_factory=dict)
    controls: list = field(default_factory=list)

    def spread(self):
        steady = sorted(self.controls)[:max(1, len(self.controls) * 9 // 10)]
        return steady[-1] / steady[0] - 1

    def ratio(self, ours, theirs, figure):
        """How many times theirs is of ours, round by round: above 1, ours is ahead."""
        pairs = zip(self.samples[ours], self.samples[theirs])
        return Ratio.of([getattr(their, figure) / max(getattr(our, figure), 1e-9) for our, their in pairs])

    def median(self, tool, figure):
        return statistics.median(getattr(sample, figure) for sample in self.samples[tool])


def measure(tools, rounds, wire_bytes, spread=CONTROL_SPREAD):
    """`tools`: name -> (prepare, act). Prepare is not timed; act is. `wire_bytes` reads the link's counter. Unsteady when the control
    varied by more than `spread`."""
    run = Run({name: [] for name in tools})
    names = list(tools)
    for number in range(rounds + 1):
        turned = names[number % len(names):] + names[:number % len(names)]
        for name in turned:
            prepare, act = tools[name]
            prepare()
            run.controls.append(control())
            wire, busy, begun = wire_bytes(), busy_seconds(), time.monotonic()
            act()
            sample = Sample(time.monotonic() - begun, wire_bytes() - wire, busy_seconds() - busy)
            if number > 0:
                run.samples[name].append(sample)
    if run.spread() > spread:
        raise Unsteady(f"the machine was busy: a fixed piece of work took {run.spread():.0%} longer at times")
    return run
