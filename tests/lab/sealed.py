"""Guests whose disks are encrypted with LUKS, for the tests of their moves: the secret, the images, the snapshots."""
import json
import os
import re

from movetest import IMAGES, require  # first: it knows where the lab is
from ferrylab.guest import encryption_xml
from ferrylab.storage import Disk

SECRET = "6f2b1c9e-7d55-4c0a-9f3e-0a4d5e6f7081"
VALUE = "what only libvirt knows"
KEY_FILE = "/root/key"
SIZE = 64 << 20
QEMU_SECRET = ("--object", f"secret,id=key,file={KEY_FILE}")
MARKS = (b" disk g-vda block ", b" disk g-vdb block ")  # what the guest writes into every block of its disks


def secret_xml(uuid=SECRET, usage="g's disks", ephemeral="no", private="no"):
    return (f"<secret ephemeral='{ephemeral}' private='{private}'><uuid>{uuid}</uuid>"
            f"<usage type='volume'><volume>{usage}</volume></usage></secret>")


def define_secret(host, uuid=SECRET, value=VALUE, **attributes):
    host.write(KEY_FILE, value)
    host.run("virsh", "secret-define", "/dev/stdin", text=secret_xml(uuid, **attributes), check=True)
    if value:
        host.run("virsh", "secret-set-value", uuid, "--file", KEY_FILE, "--plain", check=True)


def secrets(host):
    return host.run("virsh", "secret-list", check=True).stdout


def image(host, path, fmt="qcow2", backing=None, size=SIZE):
    """A LUKS image; little time is spent on its key, as it guards nothing. QEMU before 9.1 measures its own speed for it, and cannot
    always ("Unable to get accurate CPU usage"): then again."""
    prefix, name = ("", "luks") if fmt == "raw" else ("encrypt.", "qcow2")
    options = f"{prefix}key-secret=key,{prefix}iter-time=10" + ("" if fmt == "raw" else ",encrypt.format=luks")
    below = ("-u", "-b", os.path.relpath(backing[0], os.path.dirname(path)), "-F", backing[1]) if backing else ()
    host.run("mkdir", "-p", os.path.dirname(path), check=True)
    words = ("qemu-img", "create", "-q", *QEMU_SECRET, "-f", name, "-o", options, *below, path, str(size))
    for _ in range(30):
        if host.run(*words).returncode == 0:
            return
    host.run(*words, check=True)


def chain(host, path, layers=2):
    """An encrypted chain of qcow2 layers."""
    names = [(f"{path}-{number}.qcow2", "qcow2") for number in range(layers)]
    for number, (name, _) in enumerate(names):
        image(host, name, backing=names[number - 1] if number else None)
    return Disk(names[-1][0], "qcow2", SIZE, names[::-1], secret=SECRET)


def raw(host, path):
    image(host, path, "raw")
    return Disk(path, "raw", SIZE, [(path, "raw")], secret=SECRET)


def snapshot_external(guest, name, target="vda"):
    """Over an image made by hand, for libvirt's own may fail to be made (see `image`)."""
    path = guest.sources()[target]
    overlay = f"{os.path.dirname(path)}/{target}.{name}"
    image(guest.host, overlay, backing=(path, "qcow2"))
    others = "".join(f"<disk name='{other}' snapshot='no'/>" for other in guest.sources() if other != target)
    guest.host.write("/tmp/snapshot.xml", f"<domainsnapshot><name>{name}</name><disks><disk name='{target}' snapshot='external'>"
                     f"<driver type='qcow2'/><source file='{overlay}'>{encryption_xml(SECRET)}</source></disk>{others}</disks>"
                     "</domainsnapshot>")
    guest.digests[name] = guest.digest()
    guest.virsh("snapshot-create", guest.name, "/tmp/snapshot.xml", "--disk-only", "--atomic", "--reuse-external")
    return overlay


def snapshot_internal(guest, name, target="vda"):
    """By QEMU itself, without RAM: libvirt makes none of a running guest's disks alone, and QEMU 7.2 dies of writing RAM into an encrypted
    image (an assertion in qcow2_co_encdec)."""
    def ask(command, **arguments):
        return json.loads(guest.virsh("qemu-monitor-command", guest.name, json.dumps({"execute": command, "arguments": arguments})))
    path = guest.sources()[target]
    nodes = ask("query-named-block-nodes", flat=True)["return"]
    node = next(node["node-name"] for node in nodes if node["drv"] == "qcow2" and f'"filename": "{path}"' in node["file"])
    guest.digests[name] = guest.digest()
    require("error" not in (answer := ask("blockdev-snapshot-internal-sync", device=node, name=name)), answer)


def sealed_guest(host, load="light"):
    """vda: an encrypted base, a layer over it, an external snapshot's overlay with an internal snapshot in it; vdb: raw LUKS."""
    guest = host.guest("g", disks=[chain(host, f"{IMAGES}/g/vda"), raw(host, f"{IMAGES}/g/vdb.luks")], load="idle")
    guest.write(20)
    snapshot_external(guest, "e1")
    guest.write(20)
    snapshot_internal(guest, "s1")
    guest.write(20)
    guest.load(load)
    return guest


def marks_in(host, path, marks=MARKS):
    """Which of the guest's words stand in a file in clear."""
    with open(host.path(path), "rb") as file:
        data = file.read()
    return [mark for mark in marks if mark in data]


def require_sealed(host, paths):
    for path in paths:
        require(marks_in(host, path) == [], "the guest's data stands in clear in", path, "at", host.name)


def require_value_untold(host, text):
    """The secret's value stands in no journal, log or output."""
    needles = {VALUE, VALUE.encode().hex()}
    for needle in needles:
        require(needle not in text, "the secret's value was told:", text)
    for directory in ("/var/lib/virt-ferry", "/var/log", "/run/virt-ferry"):
        done = host.run("grep", "-rlaF", "--", VALUE, directory)
        require(done.stdout == "", "the secret's value stands in", done.stdout)


def encrypted_in(xml):
    return len(re.findall(r"<encryption format='luks'", xml))
