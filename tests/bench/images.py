"""What is carried in the benchmarks: files as guests really have them, made at the source."""

import shlex
from dataclasses import dataclass

DIRECTORY = "/srv/bench"


@dataclass
class Image:
    """`path` at the source; at the destination the same name, and `old` there holds what was there before, if anything."""

    name: str
    path: str
    old: str = ""


def script(host, text, timeout=900):
    host.run("sh", "-ec", text, check=True, timeout=timeout)


def _os_tree(host, path, mib):
    """An ext4 filesystem with files of this machine's /usr, as an installed system has them."""
    script(host, f"""
        mkdir -p {DIRECTORY}/tree
        find /usr/lib /usr/share /usr/bin -xdev -type f -size -8M -print0 2>/dev/null | sort -z |
            tar --null -T - -c 2>/dev/null | head -c {mib}M | tar -x -C {DIRECTORY}/tree 2>/dev/null || true
        truncate -s {mib * 2}M {path}
        mkfs.ext4 -q -F -d {DIRECTORY}/tree {path}
        rm -rf {DIRECTORY}/tree""")


def make_os_raw(host, mib):
    path = f"{DIRECTORY}/os.raw"
    _os_tree(host, path, mib)
    return Image("OS image, raw", path)


def make_os_qcow2(host, mib):
    path = f"{DIRECTORY}/os.qcow2"
    _os_tree(host, f"{path}.raw", mib)
    script(host, f"qemu-img convert -f raw -O qcow2 {path}.raw {path}; rm {path}.raw")
    return Image("OS image, qcow2", path)


def make_random(host, mib):
    path = f"{DIRECTORY}/random.raw"
    script(host, f"head -c {mib}M /dev/urandom >{path}")
    return Image("incompressible", path)


def make_terabyte(host, mib):
    """1 TiB of which an eighth of `mib` is data, in pieces of 1 MiB all over it."""
    path = f"{DIRECTORY}/terabyte.raw"
    pieces = max(1, mib // 8)
    script(host, f"""
        truncate -s 1T {path}
        for i in $(seq 0 {pieces - 1}); do
            dd if=/dev/urandom of={path} bs=1M count=1 conv=notrunc seek=$((i * {(1 << 20) // pieces})) status=none
        done""")
    return Image("1 TiB sparse", path)


def make_changed(host, mib):
    """One block in a hundred of 64 KiB is another than in the old copy."""
    path = f"{DIRECTORY}/changed.raw"
    script(host, f"""
        head -c {mib}M /dev/urandom >{path}.old
        cp {path}.old {path}
        for i in $(seq 0 100 {mib * 16 - 1}); do
            dd if=/dev/urandom of={path} bs=64k count=1 conv=notrunc seek=$i status=none
        done""")
    return Image("1 % changed", path, old=f"{path}.old")


def make_equal(host, mib):
    path = f"{DIRECTORY}/equal.raw"
    script(host, f"head -c {mib}M /dev/urandom >{path}")
    return Image("equal file present", path, old=path)


MAKERS = {"os-qcow2": make_os_qcow2, "os-raw": make_os_raw, "random": make_random, "terabyte": make_terabyte,
          "changed": make_changed, "equal": make_equal}


def lay_old(source, destination, image, at):
    """Puts the old copy, if there is one, to `at` at the destination. Not over the link: both lie on one machine."""
    script(destination, f"mkdir -p {DIRECTORY}; rm -f {shlex.quote(at)}")
    if image.old:
        with open(source.path(image.old), "rb") as old, open(destination.path(at), "wb") as new:
            while block := old.read(1 << 22):
                new.write(block)
    script(destination, "sync")
