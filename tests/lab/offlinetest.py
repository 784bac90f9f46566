"""What the tests of broken offline moves share: a guest that is put away with its memory, and the world as it was before a move."""
import os

from faults import Before, last_move
from movetest import digest, files_below, require

SAVED = "/var/lib/libvirt/qemu/save"


def put_away(host, name="g"):
    """It has two snapshots, and its RAM, which knows what its disks must hold, is saved."""
    guest = host.guest(name, layout="qcow2", boot=False)
    guest.snapshot_internal("s1")
    guest.snapshot_internal("s2")
    guest.start()
    guest.virsh("autostart", name)
    guest.virsh("managedsave", name)
    return guest


def saved(host):
    """The saved memory, and second names of it."""
    return {path: digest(host, path) for path in files_below(host, SAVED)}


class Asleep:
    """The guest and both hosts before a move that must leave no trace."""

    def __init__(self, guest):
        self.guest, self.before, self.saved = guest, Before(guest), saved(guest.host)

    def require_again(self, halt, saved_too=True, state="shut off", persistent="yes"):
        """Taken back: everything is as it was."""
        host = self.guest.host
        self.before.documents["info"] = [f"State:          {state}"]
        self.before.require_again(state)
        require(not saved_too or saved(host) == self.saved, halt, "saved memory:", saved(host))
        require(saved_too or saved(host) == {}, halt, "an old image is left:", saved(host))
        require(f"Persistent:     {persistent}" in self.guest.virsh("dominfo", self.guest.name), halt, "dominfo")
        for other in host.lab.hosts:
            require(other is host or saved(other) == {}, halt, "saved memory is left at", other.name)
        move = last_move(host)
        require(move["state"] == "undone" and "next" not in move, halt, "list says", move)
        require(os.listdir(host.path(f"/var/lib/virt-ferry/moves/{move['id']}")) == ["journal"], halt, "the definition is left")


def undefine(host, name="g"):
    """As the switch does it, when the program is killed right behind it. virsh does not let an image go that libvirt has not made
    itself, nor does libvirt forget one that it has."""
    keep = ("virsh", "undefine", name, "--keep-nvram", "--keep-tpm")
    if host.run(*keep, "--managed-save").returncode != 0:
        host.run("rm", f"{SAVED}/{name}.save", check=True)
        host.run(*keep, check=True)
