"""The scene of the fault matrix: two hosts whose disks forget, a guest that writes and judges, and what must be true of both."""
import fcntl
import hashlib
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lab"))

import faults  # noqa: E402
from faults import Ferry, chain_of, run_files  # noqa: E402
from ferrylab import LabError  # noqa: E402,F401
from ferrylab.proc import wait_until  # noqa: E402,F401
from movetest import BIN, files_below, moves, require  # noqa: E402

os.environ.setdefault("FERRY_FORGETFS", str(BIN.parents[1] / "tests" / "fault" / "forgetfs"))

IMAGES, STATE = "/var/lib/libvirt/images", "/var/lib/virt-ferry"
TIMEOUT_S = 6  # of virt-ferry: a silent peer is given up after so long
DEADLINE_S = 120
SIZE = "24M"
SPAN = 256
CAP_OPTIONS = ("--timeout", str(TIMEOUT_S))


def one_disk_with_internal_snapshots(host):
    return [host.storage.qcow2(f"{IMAGES}/g/vda.qcow2", SIZE)], lambda guest: [guest.snapshot_internal(n) for n in ("s1", "s2")]


def chain_and_raw_with_an_external_snapshot(host):
    disks = [host.storage.chain(f"{IMAGES}/g/vda", 2, SIZE), host.storage.raw(f"{IMAGES}/g/vdb.raw", SIZE)]
    return disks, lambda guest: guest.snapshot_external("e1")


# What a guest of a kind has, and the options of its move. `rounds` has each cap copied once more before the switch.
KINDS = {
    "internal": (one_disk_with_internal_snapshots, ()),
    "external": (chain_and_raw_with_an_external_snapshot, ()),
    "rounds": (one_disk_with_internal_snapshots, ("--max-cap", "256K", "--rounds", "1")),
}


class Scene:
    """A lab and its guest between two injections: it runs at `here`, whole, and nothing of any move is left."""

    def __init__(self, lab, kind):
        self.lab = lab
        self.kind = kind
        self.options = (*CAP_OPTIONS, *KINDS[kind][1])
        self.here, self.there = lab.hosts
        self.guest = None

    def make(self):
        """Hosts that forget, and a new guest."""
        for host in self.lab.hosts:
            for path in (IMAGES, STATE):
                if not os.path.ismount(host.path(path)):
                    host.storage.forgetful(path)
        disks, make_snapshots = KINDS[self.kind][0](self.here)
        self.guest = self.here.guest("g", disks=disks, load="light", span=SPAN, zero=False, boot=False)
        if self.kind != "external":
            make_snapshots(self.guest)
        self.guest.start()
        if self.kind == "external":
            make_snapshots(self.guest)
        self.sync(self.here)
        self.chain = {target: chain_of(self.guest, target) for target in self.guest.sources()}
        self.files = set(files_below(self.here, IMAGES))
        self.snapshots = self.snapshot_facts(self.guest)

    @staticmethod
    def sync(host):
        """What was made before the move is not the move's to sync."""
        for path in files_below(host, IMAGES):
            with open(host.path(path), "rb") as file:
                os.fsync(file.fileno())

    def snapshot_facts(self, guest):
        """Each snapshot's metadata, which one is current, and a digest of every image that holds one."""
        names = guest.snapshot_names()
        current = guest.host.run("virsh", "snapshot-current", guest.name, "--name")
        return {"xml": {name: guest.virsh("snapshot-dumpxml", guest.name, name) for name in names},
                "current": current.stdout.strip() if current.returncode == 0 else None,
                "contents": {name: self.contents(guest, name) for name in names}}

    def contents(self, guest, name):
        """A digest of what a snapshot holds: of the layers below the overlay that it made, or of an internal one."""
        done = {}
        for target, layers in self.chain.items():
            if self.kind == "external":
                done[target] = self.digest(guest.host, layers[1], "raw" if target == "vdb" else "qcow2")
            else:
                done[target] = self.digest(guest.host, layers[-1], "qcow2", "-l", f"snapshot.name={name}")
        return done

    @staticmethod
    def digest(host, path, fmt, *options):
        copy = "/tmp/contents"
        host.run("qemu-img", "convert", "-U", "-f", fmt, *options, "-O", "raw", path, copy, check=True)
        with open(host.path(copy), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def strays(self, host):
        return [path for path in files_below(host, IMAGES) if ".ferry-" in path] + run_files(host) + faults.processes(host)

    @staticmethod
    def chain_now(guest, target):
        return chain_of(guest, target)

    def turn_round(self):
        self.here, self.there = self.there, self.here
        self.guest = self.guest.at(self.here)


def state_of(guest, host):
    return guest.at(host).state()


def running_at(scene):
    """The hosts where the guest runs."""
    return [host for host in scene.lab.hosts if state_of(scene.guest, host) == "running"]


def locks_held(host):
    """Guests and moves whose lock somebody holds."""
    held = []
    for place in ("guests", "moves"):
        base = Path(host.path(STATE)) / place
        for path in base.rglob("*") if base.exists() else ():
            if not path.is_file():
                continue
            with open(path, "rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    held.append(path.name)
    return held


def oldest(guest):
    """The oldest generation per disk, as numbers."""
    return {word.split("=")[0]: int(word.split("=")[1]) for word in guest.ask("oldest").split()[1:]}


def status(host, move):
    """What `status --json ID` says."""
    done = host.run("virt-ferry", "status", "--json", move, check=True)
    return json.loads(done.stdout)


def files_below_of(host, path):
    return set(files_below(host, path))


def moves_of(host):
    """What `list --json` says, the moves of a host whose journal is empty left out."""
    return moves(host)


def halt(record):
    return f"stop-after {faults.nth(record)}"
