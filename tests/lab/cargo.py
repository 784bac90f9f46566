"""What a guest has at the source, taken down before a move, and held against what lies at the destination after it."""
import json
import os
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from stat import S_ISBLK

from movetest import digest, require

CLUSTER_BYTES = 65536
SLACK_BYTES = 4 * CLUSTER_BYTES  # "a few clusters": how a filesystem rounds, a header, a table


@dataclass
class Layer:
    """One image as it lies there: what its header says, and the file's own facts."""

    path: str
    format: str
    backing: str  # as recorded; None at the bottom
    backing_format: str
    virtual_bytes: int
    block: bool
    allocated: int
    inode: int
    mtime_ns: int
    digest: str


def facts(host, path):
    return os.stat(host.path(path))


def allocated(host, path):
    return facts(host, path).st_blocks * 512


def _layer(host, said):
    path = os.path.normpath(said["filename"])  # a relative name is told as it was followed
    stat = facts(host, path)
    return Layer(path, said["format"], said.get("backing-filename"), said.get("backing-filename-format"), said["virtual-size"],
                 S_ISBLK(stat.st_mode), stat.st_blocks * 512, stat.st_ino, stat.st_mtime_ns, digest(host, path))


def chain(host, path, fmt):
    """A disk's layers, top first. All record the format of what is below, so none is guessed."""
    shown = host.run("qemu-img", "info", "-U", "--backing-chain", "--output=json", "-f", fmt, path, check=True)
    layers = [_layer(host, said) for said in json.loads(shown.stdout)]
    for layer in layers[:-1]:
        require(layer.backing_format is not None, layer.path, "does not record its backing format")
    return layers


def domain(guest, *options):
    return ET.fromstring(guest.virsh("dumpxml", guest.name, *options))


def disk_formats(guest):
    """{target: (path, format)} of the disks that the guest writes, as libvirt says."""
    found = {}
    for disk in domain(guest).iterfind("devices/disk[@device='disk']"):
        source = disk.find("source")
        found[disk.find("target").get("dev")] = (source.get("file") or source.get("dev"), disk.find("driver").get("type"))
    return found


def chains(guest):
    return {target: chain(guest.host, path, fmt) for target, (path, fmt) in disk_formats(guest).items()}


def snapshots(guest):
    """{name: whole XML} and the current one's name."""
    names = guest.virsh("snapshot-list", guest.name, "--name").splitlines()  # one a line: they may have spaces
    texts = {name: guest.virsh("snapshot-dumpxml", guest.name, name) for name in names if name}
    current = guest.host.run("virsh", "snapshot-current", guest.name, "--name")
    return texts, current.stdout.strip() if current.returncode == 0 else None


def journal(host, move_id):
    """The records of a move, in order."""
    lines = host.read(f"/var/lib/virt-ferry/moves/{move_id}/journal").splitlines()
    return [json.loads(line.partition(" ")[2]) for line in lines]


def records(host, move_id, kind):
    return [record for record in journal(host, move_id) if record["record"] == kind]


class Cargo:
    """All that lies at the source before a move. `files` are further files that must arrive as they are: branches, memory."""

    def __init__(self, guest, files=()):
        self.guest = guest
        self.host = guest.host
        self.chains = chains(guest)
        self.snapshots, self.current = snapshots(guest)
        self.files = {path: digest(self.host, path) for path in files}

    def require_chains_arrived(self, there, ended, place=lambda path: path):
        """Unflattened, as thin as before, the lower layers byte for byte; at the source not one old byte has changed. Returns
        the chains as they are there."""
        arrived = chains(there)
        require(set(arrived) == set(self.chains), "disks there:", set(arrived))
        for target, before in self.chains.items():
            after = arrived[target]
            require([layer.path for layer in after] == [place(layer.path) for layer in before], target, "has layers",
                    [layer.path for layer in after])
            for old, new in zip(before, after):
                self._require_same(old, new, place)
            for old, new in zip(before[1:], after[1:]):
                require(old.backing != new.backing or new.digest == old.digest, new.path, "differs from the source's")
                require(old.block or new.block or new.allocated <= old.allocated + SLACK_BYTES, new.path, "takes",
                        new.allocated, "there and", old.allocated, "here")
            self._require_top_is_thin(target, before[0], after[0])
        self._require_source_untouched(ended)
        return arrived

    @staticmethod
    def _require_same(old, new, place):
        require(new.format == old.format and new.virtual_bytes == old.virtual_bytes, old, "became", new)
        require(new.backing_format == old.backing_format, old.path, "backing format became", new.backing_format)
        require((new.backing or "").startswith("/") == (old.backing or "").startswith("/"),
                "backing name", old.backing, "became", new.backing)
        if place(old.path) == old.path and old.backing is not None and not old.backing.startswith("/"):
            require(new.backing == old.backing, "backing name", old.backing, "became", new.backing)

    def _require_top_is_thin(self, target, old, new):
        """What the guest wrote since lies in the caps, which are still at the source: no more may have come on top."""
        if old.block or new.block:
            return
        directory, name = os.path.split(old.path)
        now = allocated(self.host, old.path)
        caps = sum(allocated(self.host, f"{directory}/{entry}") for entry in os.listdir(self.host.path(directory))
                   if entry.startswith(name + ".ferry-"))
        require(new.allocated <= now + caps + SLACK_BYTES, target, "top takes", new.allocated, "there,", now, "+", caps, "here")

    def _require_source_untouched(self, ended):
        capped_us = records(self.host, ended.result["id"], "capped")[0]["time"]
        for layers in self.chains.values():
            now = chain(self.host, layers[0].path, layers[0].format)
            require(now[1:] == layers[1:], "at the source", layers[1:], "became", now[1:])
            top = facts(self.host, layers[0].path)
            require(layers[0].block or top.st_mtime_ns // 1000 <= capped_us, layers[0].path, "was written beneath its cap")
            require(layers[0].block or top.st_ino == layers[0].inode, layers[0].path, "is another file now")
        for path, before in self.files.items():
            require(digest(self.host, path) == before, path, "changed at the source")

    def require_files_arrived(self, there):
        for path, before in self.files.items():
            require(digest(there.host, path) == before, path, "differs from the source's")

    def require_snapshots_arrived(self, there):
        texts, current = snapshots(there)
        require(set(texts) == set(self.snapshots), "snapshots there:", list(texts))
        require(current == self.current, "the current snapshot is", current, "and was", self.current)
        for name, text in texts.items():
            require(text == self.snapshots[name], f"the XML of snapshot '{name}' became", text, "from", self.snapshots[name])


def without_backing_stores(text):
    """A definition from which libvirt finds the chains by itself."""
    root = ET.fromstring(text)
    for disk in root.iter("disk"):
        for store in disk.findall("backingStore"):
            disk.remove(store)
    return ET.tostring(root, encoding="unicode")


def layer_under_snapshot(guest, snapshot):
    """{target: (path, format)} of what the disks were when an external snapshot was made, as its metadata says."""
    told = ET.fromstring(guest.virsh("snapshot-dumpxml", guest.name, snapshot))
    was = {}
    for disk in told.iterfind("domain/devices/disk[@device='disk']"):
        source = disk.find("source")
        was[disk.find("target").get("dev")] = (source.get("file") or source.get("dev"), disk.find("driver").get("type"))
    return was


def revert_external(guest, snapshot, memory=None):
    """Back to an external snapshot as libvirt before 9.9 cannot: new overlays over its layers; with memory a restore onto them."""
    host = guest.host
    text = guest.virsh("save-image-dumpxml", memory) if memory else guest.virsh("dumpxml", "--inactive", guest.name)
    overlays = {}
    for target, (path, fmt) in layer_under_snapshot(guest, snapshot).items():
        overlays[target] = f"/var/lib/libvirt/images/{guest.name}-{target}.back-to-{snapshot}"
        host.run("qemu-img", "create", "-q", "-f", "qcow2", "-b", path, "-F", fmt, overlays[target], check=True)
    root = ET.fromstring(without_backing_stores(text))
    for disk in root.iterfind("devices/disk[@device='disk']"):
        disk.set("type", "file")
        disk.find("driver").set("type", "qcow2")
        source = disk.find("source")
        source.attrib.clear()
        source.set("file", overlays[disk.find("target").get("dev")])
    mended = ET.tostring(root, encoding="unicode")
    guest.destroy()
    if memory:
        host.write("/tmp/revert.xml", mended)
        guest.virsh("restore", memory, "--xml", "/tmp/revert.xml", "--running", timeout=120)
    else:
        host.run("virsh", "define", "/dev/stdin", text=mended, check=True)
        guest.start()
    return overlays
