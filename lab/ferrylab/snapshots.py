"""Sets of real libvirt snapshots, as a user's guest carries them, each with the digest of the disks at it."""

import os
import re

from .proc import LabError

SETS = ("internal-tree", "external-branches", "external-memory")


def make_set(guest, name):
    """Make a named set on a running guest and return {snapshot: digest}; afterwards it runs and the last one is current.

    internal-tree       cold (without RAM), then s1, s2 (with RAM), then back to s1 and from there branch; qcow2 disks only
    external-branches   e1, e2 (disks only), then back to e1's layers by hand and from there e3: e2's layers are no
                        longer below the guest's disks
    external-memory     m1, m2 (disks and memory file)
    """
    makers = {"internal-tree": _internal_tree, "external-branches": _external_branches, "external-memory": _external_memory}
    if name not in makers:
        raise LabError(f"cannot make snapshot set '{name}': know {', '.join(SETS)}")
    makers[name](guest)
    return guest.digests


def _internal_tree(guest):
    guest.load("idle")
    digest = guest.digest()
    guest.destroy()
    guest.snapshot_internal("cold")
    guest.digests["cold"] = digest
    guest.start()
    guest.write(40)
    guest.snapshot_internal("s1")
    guest.write(40)
    guest.snapshot_internal("s2")
    guest.snapshot_revert("s1")
    guest.write(40)
    guest.snapshot_internal("branch")
    guest.write(20)


def _external_branches(guest):
    guest.write(20)
    guest.snapshot_external("e1")
    at_e1 = dict(guest.sources())
    guest.write(20)
    guest.snapshot_external("e2")
    guest.write(20)
    guest.destroy()
    _branch_off(guest, at_e1, "e1")
    guest.start()
    guest.write(20)
    guest.snapshot_external("e3")
    guest.write(20)


def _branch_off(guest, sources, snapshot):
    """Back to a snapshot's layers, as libvirt before 9.9 cannot: new overlays over what `sources` stood on, current mark."""
    text = guest.virsh("dumpxml", "--inactive", guest.name)
    for target, active in guest.sources().items():
        below, below_format = _backing_of(guest, sources[target])
        overlay = f"{os.path.dirname(active)}/{target}.after-{snapshot}"
        guest.host.run("qemu-img", "create", "-q", "-f", "qcow2", "-b", below, "-F", below_format, overlay, check=True)
        text = text.replace(f"'{active}'", f"'{overlay}'")
    # The definition may still name a chain that libvirt recorded; it finds the new one by itself.
    text = re.sub(r"(?s)\s*<backingStore.*?</backingStore>(?!\s*</backingStore>)", "", text)
    guest.host.run("virsh", "define", "/dev/stdin", text=text, check=True)
    guest.virsh("snapshot-current", guest.name, snapshot)


def _backing_of(guest, path):
    shown = guest.host.run("qemu-img", "info", "--output=human", path, check=True).stdout
    below = re.search(r"(?m)^backing file: .*\(actual path: (.*)\)$", shown) or re.search(r"(?m)^backing file: (.*)$", shown)
    return below.group(1), re.search(r"(?m)^backing file format: (.*)$", shown).group(1)


def _external_memory(guest):
    guest.write(20)
    guest.snapshot_external("m1", memory=True)
    guest.write(20)
    guest.snapshot_external("m2", memory=True)
    guest.write(20)
