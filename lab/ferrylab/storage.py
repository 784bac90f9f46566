"""Storage of one host: images and chains with known contents, filesystems on loop files, block devices.

All of it is the host's own. Loop devices are made over files of the state directory, so `down` finds them by the kernel's
word; mounts live in the host's mount namespace and go with its power, and come back with it.
"""

import os
import shlex
from dataclasses import dataclass, field

from . import forget, proc
from .proc import LabError, run

UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
MAKERS = {"xfs": ["mkfs.xfs", "-q", "-m", "reflink=1"], "btrfs": ["mkfs.btrfs", "-q"], "ext4": ["mkfs.ext4", "-q", "-F"]}
LAYOUTS = ("raw", "qcow2", "chain3", "chain-abs", "chain-raw", "chain20", "mixed", "block", "block-chain")
IMAGES = "/var/lib/libvirt/images"
FORGETFUL = "/root/.forgetful"  # the trees of forgetful filesystems


def bytes_of(size):
    """"256M" or a number, in bytes."""
    text = str(size)
    return int(text[:-1]) * UNITS[text[-1]] if text[-1:] in UNITS else int(text)


@dataclass
class Disk:
    """A guest's disk as it was made: `path` is the top layer, `layers` all of them, top first, as (path, format).

    secret   UUID of the libvirt secret that opens every layer (LUKS): the definition then spells out the whole chain
    driver   attributes of <driver>, instead of cache and discard
    extra    more elements of <disk>
    """

    path: str
    format: str
    bytes: int
    layers: list = field(default_factory=list)
    block: bool = False
    cache: str = "none"
    secret: str = ""
    driver: str = ""
    extra: str = ""

    @property
    def base(self):
        return self.layers[-1][0]


class Storage:
    def __init__(self, host):
        self.host = host
        self._mounts_file = os.path.join(host.state, "mounts.json")

    # ---------------------------------------------------------------- images

    def raw(self, path, size="64M", fill=True):
        """A sparse raw image at `path`."""
        return self._make([(path, "raw")], size, fill, relative=True, options="")

    def qcow2(self, path, size="64M", fill=True, options=""):
        """A qcow2 image of one layer; `options` as qemu-img's -o takes them."""
        return self._make([(path, "qcow2")], size, fill, relative=True, options=options)

    def chain(self, path, layers=3, size="64M", base="qcow2", relative=True, fill=True, options=""):
        """A chain PATH-0.BASE <- PATH-1.qcow2 <- ... of that many layers; formats recorded, names relative or absolute."""
        names = [(f"{path}-{number}.{base if number == 0 else 'qcow2'}", base if number == 0 else "qcow2")
                 for number in range(layers)]
        return self._make(names, size, fill, relative, options)

    def overlay(self, disk, path, relative=True, fill=False, options=""):
        """One more qcow2 layer over a disk (image or block device), at any path; returns the disk as it is now."""
        layers = [*reversed(disk.layers), (path, "qcow2")]
        self._run_script(self._layer_commands(layers, len(layers) - 1, disk.bytes, relative, options)
                         + (fill_commands(path, "qcow2", len(layers) - 1, len(layers), disk.bytes) if fill else []))
        return Disk(path, "qcow2", disk.bytes, [(path, "qcow2"), *disk.layers])

    def _make(self, layers, size, fill, relative, options):
        size = bytes_of(size)
        commands = [f"mkdir -p {shlex.quote(os.path.dirname(layers[0][0]))}"]
        for number, (path, fmt) in enumerate(layers):
            commands += self._layer_commands(layers, number, size, relative, options)
            if fill:
                commands += fill_commands(path, fmt, number, len(layers), size)
        self._run_script(commands)
        return Disk(layers[-1][0], layers[-1][1], size, list(reversed(layers)))

    @staticmethod
    def _layer_commands(layers, number, size, relative, options):
        path, fmt = layers[number]
        argv = ["qemu-img", "create", "-q", "-f", fmt]
        if options and fmt == "qcow2":
            argv += ["-o", options]
        if number:
            below, below_fmt = layers[number - 1]
            name = os.path.relpath(below, os.path.dirname(path)) if relative else below
            argv += ["-b", name, "-F", below_fmt]
        return [shlex.join([*argv, path, str(size)])]

    def _run_script(self, commands, timeout=120):
        done = self.host.run("sh", "-ec", "\n".join(commands), timeout=timeout)
        if done.returncode != 0:
            raise LabError(f"cannot make storage on host '{self.host.name}': {(done.stderr or done.stdout).strip()}")

    # ---------------------------------------------------------------- devices and filesystems

    def device(self, name, size="64M", fill=True):
        """A loop block device of exactly that size at /srv/dev/NAME; another host's device of that name is another."""
        size = bytes_of(size)
        inside = f"/srv/dev/{name}"
        self._attach(f"device-{name}", size, inside)
        if fill:
            self._run_script(fill_commands(inside, "raw", 0, 1, size))
        return Disk(inside, "raw", size, [(inside, "raw")], block=True)

    def filesystem(self, path, kind="xfs", size="512M"):
        """A filesystem of its own mounted at `path` of this host: xfs (reflink, 300M at least), btrfs (110M) or ext4."""
        if kind not in MAKERS:
            raise LabError(f"cannot make filesystem '{kind}': know {', '.join(MAKERS)}")
        mounts = proc.read_json(self._mounts_file, [])
        name = f"fs{len(mounts)}"
        inside = f"/srv/dev/.{name}"
        loop = self._attach(name, bytes_of(size), inside)
        run(*MAKERS[kind], loop, timeout=60)
        mounts.append({"device": inside, "kind": kind, "path": path})
        proc.write_json(self._mounts_file, mounts)
        self._run_script(self._mount_one(mounts[-1]))
        return path

    def shared(self, path):
        """The lab's one shared directory, mounted at `path` of this host; what lies in it all hosts that mount it have."""
        mounts = proc.read_json(self._mounts_file, [])
        mounts.append({"device": self.host.lab.shared_dir, "kind": "bind", "path": path})
        proc.write_json(self._mounts_file, mounts)
        self._run_script(self._mount_one(mounts[-1]))
        return path

    def forgetful(self, path):
        """A filesystem mounted at `path`, an empty directory, that loses with `power_off(forget=True)` what was never synced; it fails
        what `fail` orders. See tests/fault/forgetfs.c. Unavailable if that is not built."""
        mounts = proc.read_json(self._mounts_file, [])
        forget.program()
        name = f"forget{len(mounts)}"
        mounts.append({"device": f"/srv/dev/.{name}", "kind": "forgetful", "path": path, "trees": f"{FORGETFUL}/{name}"})
        self._attach(name, 1 << 20, mounts[-1]["device"])
        forget.lay_out(self.host.outside(mounts[-1]["trees"]))
        proc.write_json(self._mounts_file, mounts)
        self._run_script(self._mount_one(mounts[-1]))
        return path

    def fail(self, path, orders=""):
        """Have operations on the forgetful filesystem at `path` fail; the orders are told in tests/fault/trouble.h. Without: no more."""
        forget.order(self.host.path(path), orders)

    def failed(self, path):
        """How many operations on it were failed since the last orders."""
        return forget.failed(self.host.path(path))

    def lose_power(self, forgetting):
        """What the loss leaves of the forgetful filesystems; once their processes are gone."""
        for mount in proc.read_json(self._mounts_file, []):
            if mount["kind"] == "forgetful":
                forget.lose_power(self.host.outside(mount["trees"]), forgetting)

    def _attach(self, name, size, inside):
        """A loop device over a new sparse file of the state directory, and its node inside the host. Returns the device."""
        backing = os.path.join(self.host.state, "loops", name)
        os.makedirs(os.path.dirname(backing), exist_ok=True)
        if os.path.exists(backing):
            raise LabError(f"cannot make device '{inside}' on host '{self.host.name}': it exists")
        with open(backing, "wb") as out:
            out.truncate(size)
        loop = run("losetup", "--find", "--show", backing).stdout.strip()
        number = os.stat(loop).st_rdev
        self._run_script([f"mkdir -p {shlex.quote(os.path.dirname(inside))}",
                          f"mknod -m 600 {shlex.quote(inside)} b {os.major(number)} {os.minor(number)}"])
        return loop

    def mount_commands(self):
        """Shell lines that mount this host's filesystems again at power on."""
        return [line for mount in proc.read_json(self._mounts_file, []) for line in self._mount_one(mount)]

    @staticmethod
    def _mount_one(mount):
        device, path = shlex.quote(mount["device"]), shlex.quote(mount["path"])
        if mount["kind"] == "bind":
            return [f"mkdir -p {path}", f"mount --bind {device} {path}"]
        if mount["kind"] == "forgetful":
            return [f"mkdir -p {path}", forget.mount_line(mount["trees"], mount["path"], mount["device"])]
        # nouuid: the same image may be mounted by another host of this lab.
        options = "-o nouuid " if mount["kind"] == "xfs" else ""
        return [f"mkdir -p {path}", f"mount -t {mount['kind']} {options}{device} {path}"]

    # ---------------------------------------------------------------- layouts

    def layout(self, guest, name, size="64M"):
        """The disks of a named layout for a guest of that name, below /var/lib/libvirt/images/GUEST."""
        place = f"{IMAGES}/{guest}"
        makers = {
            "raw": lambda: [self.raw(f"{place}/vda.raw", size)],
            "qcow2": lambda: [self.qcow2(f"{place}/vda.qcow2", size)],
            "chain3": lambda: [self.chain(f"{place}/vda", 3, size)],
            "chain-abs": lambda: [self.chain(f"{place}/vda", 3, size, relative=False)],
            "chain-raw": lambda: [self.chain(f"{place}/vda", 3, size, base="raw")],
            "chain20": lambda: [self.chain(f"{place}/vda", 20, size)],
            "mixed": lambda: [self.chain(f"{place}/vda", 2, size, base="raw"), self.chain(f"{place}/vdb", 3, size),
                              self.raw(f"{place}/vdc.raw", size)],
            "block": lambda: [self.device(f"{guest}-vda", size)],
            "block-chain": lambda: [self.overlay(self.device(f"{guest}-vda", size), f"{place}/vda.qcow2", relative=False)],
        }
        if name not in makers:
            raise LabError(f"cannot make layout '{name}': know {', '.join(LAYOUTS)}")
        self._run_script([f"mkdir -p {place}"])
        return makers[name]()


def fill_commands(path, fmt, number, layers, size):
    """Shell lines that write known bytes into one layer: a piece of its own, one over its neighbour's, the ends in the base.

    The pieces are few and small beside the disk, so it stays thin; each lies where the guest's span looks.
    """
    step = max(65536, size // (layers + 1) // 65536 * 65536)
    piece = max(65536, min(1 << 20, step // 2 // 65536 * 65536))
    writes = [(number * step, piece), (number * step + piece, piece)]
    if number:
        writes.append(((number - 1) * step + piece, piece // 2))
    else:
        writes += [(0, 65536), (size - 65536, 65536)]
    argv = ["qemu-io", "-f", fmt]
    for offset, length in writes:
        length = min(length, size - offset)
        if length > 0:
            argv += ["-c", f"write -q -P {number + 1} {offset} {length}"]
    return [shlex.join([*argv, path]) + " >/dev/null"]
