"""What a guest boots: Debian's cloud kernel, an initramfs around the workload, and whether KVM is fit to run them.

All of it lies in one cache, made once and reused by every lab; a file appears there whole or not at all.
"""

import contextlib
import fcntl
import filecmp
import glob
import hashlib
import os
import shutil
import subprocess
import tempfile
import time

from . import proc
from .proc import LabError, run

PACKAGE = "linux-image-cloud-amd64"
MODULES = ["virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk", "efivarfs"]
WORKLOAD = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "workload")
COMPILE = ["gcc", "-std=gnu17", "-static", "-O2", "-s", "-pthread", "-Wall", "-Wextra", "-Werror"]
# lpj spares the delay calibration, half a second under emulation.
COMMAND_LINE = ("console=ttyS0 quiet loglevel=3 lpj=4000000 tsc=reliable no_timer_check nokaslr mitigations=off "
                "random.trust_cpu=on rcupdate.rcu_expedited=1 panic=0")
KVM_DEADLINE_S = 8


def cache_dir():
    base = os.environ.get("XDG_CACHE_HOME", "/var/cache")
    return os.path.realpath(os.environ.get("FERRY_LAB_CACHE", os.path.join(base, "ferry-lab")))


@contextlib.contextmanager
def _locked():
    os.makedirs(cache_dir(), exist_ok=True)
    with open(os.path.join(cache_dir(), ".lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def kernel_path():
    """The guest's kernel, fetched at the first need and never installed."""
    with _locked():
        return _kernel_dir() + "/vmlinuz"


def initramfs_path():
    """The guest's initramfs, built anew when the workload or the kernel changes."""
    with _locked():
        kernel = _kernel_dir()
        digest = hashlib.sha256(kernel.encode())
        for part in [*sorted(glob.glob(WORKLOAD + "/*.[ch]")), __file__]:
            with open(part, "rb") as source:
                digest.update(source.read())
        path = os.path.join(cache_dir(), f"initramfs-{digest.hexdigest()[:16]}.cpio")
        if not os.path.exists(path):
            _build_initramfs(kernel, path)
        return path


def accelerator():
    """"kvm" if the guest's kernel reaches its init under KVM within seconds, else "qemu" (TCG). Asked once a boot."""
    forced = os.environ.get("FERRY_LAB_ACCEL")
    if forced:
        return forced
    if not os.path.exists("/dev/kvm"):
        return "qemu"
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as boot:
        verdict = os.path.join(cache_dir(), f"accelerator-{boot.read().strip()}")
    if not os.path.exists(verdict):
        kernel, initramfs = kernel_path(), initramfs_path()
        with _locked():
            if not os.path.exists(verdict):
                proc.write_json(verdict, "kvm" if _boots_under_kvm(kernel, initramfs) else "qemu")
    return proc.read_json(verdict, "qemu")


def _boots_under_kvm(kernel, initramfs):
    with tempfile.TemporaryDirectory(prefix="ferry-kvm-") as place:
        beat = os.path.join(place, "beat")
        qemu = subprocess.Popen(
            ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-accel", "kvm", "-cpu", "host",
             "-machine", "q35", "-m", "96", "-kernel", kernel, "-initrd", initramfs, "-append", COMMAND_LINE,
             "-serial", f"file:{beat}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + KVM_DEADLINE_S
            while time.monotonic() < deadline and qemu.poll() is None:
                if "ready" in proc.tail(beat):
                    return True
                time.sleep(0.05)
            return False
        finally:
            qemu.kill()
            qemu.wait()


def _capabilities_of(suite):
    return os.path.join(cache_dir(), f"capabilities-{suite}" if suite else "capabilities")


def seed_capabilities(place, suite=""):
    """Spare a new host's libvirtd the seconds of questioning each QEMU: give it what another lab's found out.

    libvirt itself throws such a file away when QEMU, libvirt, kernel or CPU have changed since.
    """
    os.makedirs(place, exist_ok=True)
    for known in glob.glob(os.path.join(_capabilities_of(suite), "*.xml")):
        with contextlib.suppress(OSError):
            shutil.copy(known, place)


def keep_capabilities(place, suite=""):
    """Keep for later labs what this host's libvirtd found out about QEMU, unless it is known already."""
    kept = _capabilities_of(suite)
    for found in glob.glob(os.path.join(place, "*.xml")):
        known = os.path.join(kept, os.path.basename(found))
        with contextlib.suppress(OSError):
            if not os.path.exists(known) or not filecmp.cmp(found, known, shallow=False):
                os.makedirs(kept, exist_ok=True)
                partial = f"{known}.{os.getpid()}"
                shutil.copy(found, partial)
                os.rename(partial, known)


def _kernel_dir():
    """Directory with vmlinuz and modules/*.ko. Caller holds the lock."""
    ready = sorted(glob.glob(os.path.join(cache_dir(), f"kernel-*-{_modules_mark()}", "vmlinuz")))
    if ready:
        return os.path.dirname(ready[-1])
    depends = run("apt-cache", "depends", PACKAGE).stdout
    names = [line.split()[-1] for line in depends.splitlines() if "Depends: linux-image-" in line]
    if not names:
        raise LabError(f"cannot find package '{PACKAGE}': apt-cache names no kernel; try apt-get update")
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=cache_dir()) as place:
        fetched = subprocess.run(["apt-get", "-o", "APT::Sandbox::User=root", "download", names[0]], cwd=place, timeout=300,
                                 stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        packages = glob.glob(os.path.join(place, "*.deb"))
        if not packages:
            raise LabError(f"cannot download package '{names[0]}': {fetched.stderr.strip()}")
        run("dpkg-deb", "-x", packages[0], os.path.join(place, "tree"), timeout=120)
        return _gather_kernel(place, names[0])


def _modules_mark():
    """Names a kernel's directory by what was taken from its package."""
    return hashlib.sha256(" ".join(MODULES).encode()).hexdigest()[:8]


def _gather_kernel(place, package):
    made = os.path.join(place, "kernel")
    os.makedirs(made + "/modules")
    shutil.copy(glob.glob(os.path.join(place, "tree/boot/vmlinuz-*"))[0], made + "/vmlinuz")
    for name in MODULES:
        for module in glob.glob(os.path.join(place, "tree", "**", f"{name}.ko*"), recursive=True):
            shutil.copy(module, made + "/modules/")
            if module.endswith(".xz"):
                run("xz", "-d", os.path.join(made, "modules", os.path.basename(module)))
    final = os.path.join(cache_dir(), f"kernel-{package.removeprefix('linux-image-')}-{_modules_mark()}")
    os.rename(made, final)
    return final


def _build_initramfs(kernel, path):
    with tempfile.TemporaryDirectory(prefix="build-", dir=cache_dir()) as place:
        binary = os.path.join(place, "init")
        run(*COMPILE, "-o", binary, *sorted(glob.glob(WORKLOAD + "/*.c")))
        entries = [(name, 0o040755, b"") for name in ("dev", "proc", "sys", "modules")]
        for module in sorted(glob.glob(kernel + "/modules/*.ko")):
            with open(module, "rb") as source:
                entries.append((f"modules/{os.path.basename(module)}", 0o100644, source.read()))
        with open(binary, "rb") as source:
            entries.append(("init", 0o100755, source.read()))
        archive = os.path.join(place, "cpio")
        with open(archive, "wb") as out:
            out.write(b"".join(_newc(number, *entry) for number, entry in enumerate(entries, 1)))
            out.write(_newc(0, "TRAILER!!!", 0, b""))
        os.rename(archive, path)


def _newc(inode, name, mode, data):
    """One record of a cpio archive in the form the kernel reads (Documentation/driver-api/early-userspace/buffer-format)."""
    path = name.encode() + b"\0"
    fields = [inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0]
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + path
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)
