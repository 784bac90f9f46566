"""The faults of the matrix: a table. Each is one fault at one moment of a move that stands at a record of its journal."""
import os
import random
import signal
import time
from dataclasses import dataclass
from typing import Callable

from ferrylab.proc import end_process, start_time
from scene import IMAGES, STATE

SWITCH = ("snapshots-drop", "checkpoints", "switch", "switched", "downtime")
SETTLE = ("settle-commit", "settle-committed", "cap-gone", "settle-snapshots")


class Nothing(Exception):
    """There was nothing that this fault could hit."""


@dataclass
class Moment:
    """Where a fault strikes: the run stands at a record, or goes on for `later_s` first."""
    scene: object
    run: object
    dice: random.Random

    @property
    def persistent(self):
        return self.dice.random() < 0.5


@dataclass
class Fault:
    name: str
    strike: Callable
    kills_guest_at: str = ""   # "here", "there" or "": where the fault itself ends a guest that runs there
    heal: Callable = lambda scene: None
    awaits: bool = False       # strikes as soon as its victim appears
    records: tuple = ()        # only at these kinds of record; empty: at all
    tells_guest: bool = False  # the guest may be told of an error of its disk
    pauses_guest: bool = False
    ends_tool: bool = False    # without a word
    struck: Callable = lambda scene: True  # asked before it is healed: did it really come to it?


def _pid_in(host, path):
    try:
        return int(host.read(path).strip())
    except (OSError, ValueError):
        return None


def _kill_inside(host, inner):
    host.run("kill", "-9", str(inner))


def kill_tool(moment):
    pid = moment.run.pid()
    if pid is None:
        raise Nothing
    end_process(pid, start_time(pid))


def send(number):
    def strike(moment):
        if moment.run.pid() is None:
            raise Nothing
        moment.run.signal(number)
    return strike


def kill_agent(moment):
    listing = moment.scene.there.run("ps", "-eo", "pid=,args=").stdout.splitlines()
    agents = [line.split()[0] for line in listing if "virt-ferry agent" in line and "sh -c" not in line]
    if not agents:
        raise Nothing
    for pid in agents:
        _kill_inside(moment.scene.there, pid)


def kill_qemu(side):
    def strike(moment):
        host = getattr(moment.scene, side)
        pid = _pid_in(host, f"/run/libvirt/qemu/{moment.scene.guest.name}.pid")
        if pid is None or not os.path.exists(host.path(f"/proc/{pid}")):
            raise Nothing
        _kill_inside(host, pid)
    return strike


def cut(moment):
    moment.scene.lab.link.cut(moment.scene.there)


def cut_for_a_while(moment):
    moment.scene.lab.link.cut(moment.scene.there)
    moment.run.go_on_if_there()
    time.sleep(moment.dice.uniform(0.5, 3))
    moment.scene.lab.link.heal(moment.scene.there)


def mend_link(scene):
    scene.lab.link.heal()


def kill_libvirtd(side):
    return lambda moment: getattr(moment.scene, side).kill_libvirtd()


def restart_libvirtd(side):
    return lambda moment: getattr(moment.scene, side).restart_libvirtd()


def start_libvirtd(side):
    def heal(scene):
        host = getattr(scene, side)
        if host.run("virsh", "hostname", timeout=30).returncode != 0:
            host.start_libvirtd()
    return heal


def power_off(side, forget):
    def strike(moment):
        host = getattr(moment.scene, side)
        if host is moment.run.host:
            moment.run.abandon()
        host.power_off(forget=forget)
    return strike


def power_on(side):
    return lambda scene: getattr(scene, side).power_on()


def disk(side, path, *orders):
    """Errors of a filesystem, once or until it is mended. Which operation of a kind, and whether once, the dice decide."""
    def strike(moment):
        how = "always" if moment.persistent else "once"
        words = [order.format(nth=moment.dice.choice((1, 1, 2, 5)), how=how) for order in orders]
        getattr(moment.scene, side).storage.fail(path, "\n".join(words))
    return strike


def mend(side, path):
    return lambda scene: getattr(scene, side).storage.fail(path)


def _disk_fault(name, side, path, *orders, **more):
    return Fault(name, disk(side, path, *orders), heal=mend(side, path),
                 struck=lambda scene: getattr(scene, side).storage.failed(path) > 0, **more)


def _of_side(prefix, side):
    """What can happen to either host."""
    return [
        Fault(f"{prefix}-libvirtd-killed", kill_libvirtd(side), heal=start_libvirtd(side)),
        Fault(f"{prefix}-libvirtd-restarted", restart_libvirtd(side), heal=start_libvirtd(side)),
        *[Fault(f"{prefix}-power-lost{words}", power_off(side, forget), kills_guest_at=side, heal=power_on(side),
                ends_tool=side == "here") for words, forget in (("", False), ("-forgetting", True))],
    ]


FAULTS = {fault.name: fault for fault in [
    Fault("tool-killed", kill_tool, ends_tool=True),
    Fault("agent-killed", kill_agent),
    Fault("link-cut", cut, heal=mend_link),
    Fault("link-cut-for-a-while", cut_for_a_while, heal=mend_link),
    Fault("source-qemu-killed", kill_qemu("here"), kills_guest_at="here"),
    Fault("destination-qemu-killed", kill_qemu("there"), kills_guest_at="there", awaits=True, records=(*SWITCH, *SETTLE)),
    *_of_side("source", "here"),
    *_of_side("destination", "there"),
    Fault("interrupted", send(signal.SIGINT)),
    Fault("terminated", send(signal.SIGTERM)),
    _disk_fault("source-journal-full", "here", STATE, "write {nth} ENOSPC {how}"),
    _disk_fault("source-journal-failing", "here", STATE, "fsync {nth} EIO {how}"),
    _disk_fault("source-images-unreadable", "here", IMAGES, "read {nth} EIO always by=virt-ferry"),
    _disk_fault("source-images-full", "here", IMAGES, "write {nth} ENOSPC {how}", "make 1 ENOSPC {how}", pauses_guest=True),
    _disk_fault("destination-images-full", "there", IMAGES, "write {nth} ENOSPC {how}", "make 1 ENOSPC {how}", pauses_guest=True),
    _disk_fault("destination-images-failing", "there", IMAGES, "write {nth} EIO {how} by=virt-ferry", "fsync {nth} EIO {how} by=virt-ferry",
                "write {nth} EIO {how} by=qemu-img"),
    _disk_fault("destination-qemu-cannot-write", "there", IMAGES, "write {nth} EIO {how} by=qemu-system", tells_guest=True,
                records=(*SWITCH, *SETTLE)),
]}


def strike(fault, moment, later_s):
    """The fault, at the record itself (0) or a while after it. False: there was nothing to hit."""
    deadline = time.monotonic() + 20
    if later_s > 0 or fault.awaits:
        moment.run.go_on_if_there()
        time.sleep(later_s)
    while True:
        try:
            fault.strike(moment)
            return True
        except Nothing:
            if not fault.awaits or moment.run.is_over() or time.monotonic() > deadline:
                return False
            time.sleep(0.01)
