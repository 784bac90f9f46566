"""What the tests of checkpoints share: libvirt's own backups of a guest, restored and compared."""
import json
import shutil
import time

from movetest import require

PLACE = "/srv/backup"


def backup(guest, name, since=None, checkpoint=None):
    """A push backup of vda into PLACE/NAME.qcow2, incremental since a checkpoint; makes a checkpoint at its instant if asked."""
    host = guest.host
    incremental = f"<incremental>{since}</incremental>" if since else ""
    host.run("sh", "-c", f"mkdir -p {PLACE} && rm -f {PLACE}/{name}.qcow2", check=True)
    host.write(f"{PLACE}/backup.xml", f"<domainbackup mode='push'>{incremental}<disks><disk name='vda' backup='yes' type='file'>"
               f"<target file='{PLACE}/{name}.qcow2'/><driver type='qcow2'/></disk></disks></domainbackup>")
    begin(guest, checkpoint)
    deadline = time.monotonic() + 60
    while "None" not in guest.virsh("domjobinfo", guest.name).splitlines()[0]:
        require(time.monotonic() < deadline, "the backup did not end within 60 s")
        time.sleep(0.1)
    done = guest.virsh("domjobinfo", guest.name, "--completed", "--anystats")
    require("Completed" in done, "the backup ended so:", done)
    path = f"{PLACE}/{name}.qcow2"
    if since:  # libvirt leaves the guest's own disk as what the increment backs on
        host.run("qemu-img", "rebase", "-u", "-f", "qcow2", "-b", "", path, check=True)
    return path


def begin(guest, checkpoint=None):
    words = ["backup-begin", guest.name, f"{PLACE}/backup.xml"]
    if checkpoint:
        guest.host.write(f"{PLACE}/checkpoint.xml", f"<domaincheckpoint><name>{checkpoint}</name></domaincheckpoint>")
        words.append(f"{PLACE}/checkpoint.xml")
    guest.virsh(*words)


def carry(source, destination, *paths):
    """Backups live on a server of their own; here each host has a copy."""
    destination.run("mkdir", "-p", PLACE, check=True)
    for path in paths:
        shutil.copy(source.path(path), destination.path(path))


def require_restores(host, full, increments, truth):
    """The full backup with the increments over it, oldest first, holds what a full copy of the last one's instant holds."""
    below = full
    for path in increments:
        host.run("qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", below, path, check=True)
        below = path
    same = host.run("qemu-img", "compare", "-f", "qcow2", "-F", "qcow2", below, truth)
    require(same.returncode == 0, "a restore from", full, increments, "is not the guest's disk:", same.stdout, same.stderr)


def bytes_in(host, path):
    """How much of the disk one backup file says something about."""
    extents = json.loads(host.run("qemu-img", "map", "--output=json", "-f", "qcow2", path, check=True).stdout)
    return sum(extent["length"] for extent in extents if extent["depth"] == 0 and extent["present"])


def require_incremental(host, path, disk_bytes):
    """Else a bitmap that is all ones would pass every comparison."""
    size = bytes_in(host, path)
    require(0 < size < disk_bytes / 2, path, "has", size, "bytes of a disk of", disk_bytes)


def require_continues(guest, full, increments, since):
    """An increment since `since`, of a guest at rest, goes on from the earlier ones: compared with a full copy of the same instant."""
    guest.load("idle")
    last = backup(guest, f"after-{since}", since=since)
    truth = backup(guest, f"truth-{since}")
    require_incremental(guest.host, last, guest.disks[0].bytes)
    require_restores(guest.host, full, [*increments, last], truth)


def require_pull_continues(guest, before, since):
    """The same by a pull backup, which shows the increment and the whole of one instant while the guest goes on writing."""
    host, socket = guest.host, f"{PLACE}/pull.sock"
    host.write(f"{PLACE}/backup.xml", f"<domainbackup mode='pull'><incremental>{since}</incremental>"
               f"<server transport='unix' socket='{socket}'/><disks><disk name='vda' backup='yes' type='file' exportbitmap='changed'>"
               f"<scratch file='{PLACE}/scratch.qcow2'/></disk></disks></domainbackup>")
    begin(guest)
    try:
        served = f"driver=nbd,export=vda,server.type=unix,server.path={socket}"
        shown = host.run("qemu-img", "map", "--output=json", "--image-opts",
                         f"{served},x-dirty-bitmap=qemu:dirty-bitmap:changed", check=True).stdout
        host.run("qemu-img", "convert", "--image-opts", served, "-O", "raw", f"{PLACE}/truth.raw", check=True)
    finally:
        guest.virsh("domjobabort", guest.name)
    host.run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", before, f"{PLACE}/restored.raw", check=True)
    changed = [(e["start"], e["length"]) for e in json.loads(shown) if not e["data"]]
    require(0 < sum(length for _, length in changed) < guest.disks[0].bytes / 2, "changed since", since, "is", changed)
    with open(host.path(f"{PLACE}/truth.raw"), "rb") as truth, open(host.path(f"{PLACE}/restored.raw"), "r+b") as restored:
        for start, length in changed:
            truth.seek(start)
            restored.seek(start)
            restored.write(truth.read(length))
        truth.seek(0)
        restored.seek(0)
        while block := truth.read(1 << 20):
            require(restored.read(1 << 20) == block, "a pull backup since", since, "misses a change before byte", truth.tell())


def checkpoints(guest):
    return sorted(guest.virsh("checkpoint-list", guest.name, "--name").split())
