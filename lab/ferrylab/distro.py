"""Another Debian than the machine's for a lab's host: its root, bootstrapped once into the cache, and virt-ferry built inside it.

A root is a directory that hosts only read. Its name carries a digest of its recipe, so a changed recipe makes another one.
What is built lies beside it, under a digest of the sources.
"""

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import re
import shutil
import tempfile
import time

from . import kernel
from .proc import LabError, run

SUITE_PATTERN = re.compile(r"[a-z]{3,20}")
REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
INSTALL_PACKAGES = os.path.join(REPOSITORY, "packaging", "install-packages")
GROUPS = ("build", "lab")
BOOTSTRAP_S, INSTALL_S, BUILD_S = 600, 900, 600
OLD_S = 24 * 3600  # an unused build of that age is removed
BUILD_OPTIONS = ("b_sanitize", "b_lundef", "buildtype", "werror")

# A root that nobody reads about and that may be lost at a power failure: it is made anew then.
DPKG_CONF = "force-unsafe-io\npath-exclude /usr/share/doc/*\npath-exclude /usr/share/man/*\npath-exclude /usr/share/locale/*\n"
BOOTSTRAP_SCRIPT = """\
set -e
debootstrap --variant=minbase --include=ca-certificates "$1" "$2" "$3"
printf '%s' "$4" >"$2/etc/dpkg/dpkg.cfg.d/lab"
printf '%s' "$5" >"$2/etc/apt/apt.conf.d/90lab"
"""
INSTALL_SCRIPT = """\
set -e
mount -t proc proc "$1/proc"
mount -t tmpfs tmpfs "$1/tmp"
cp "$2" "$1/tmp/install-packages"
shift 2
chroot "$root" /tmp/install-packages "$@"
chroot "$root" apt-get clean
"""
BUILD_SCRIPT = """\
set -e
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/tmp"
mkdir "$root/tmp/source" "$root/tmp/build"
mount --bind "$1" "$root/tmp/source"
shift
chroot "$root" sh -ec 'cd /tmp/source && meson setup "$@" /tmp/build >&2 && ninja -C /tmp/build src/cli/virt-ferry >&2' build "$@"
cp "$root/tmp/build/src/cli/virt-ferry" "$out/"
"""


class Unavailable(LabError):
    """What a root is made from cannot be had on this machine now; a test skips with these words."""


def root_of(suite):
    """The directory of that Debian's root; made at the first need, which takes a minute or two."""
    if not SUITE_PATTERN.fullmatch(suite):
        raise LabError(f"cannot make a root of Debian '{suite}': this is no name of a suite")
    packages = run(INSTALL_PACKAGES, "--list", *GROUPS).stdout.split()
    recipe = "\n".join([suite, *packages, DPKG_CONF, BOOTSTRAP_SCRIPT, INSTALL_SCRIPT])
    path = os.path.join(kernel.cache_dir(), f"root-{suite}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}")
    if not os.path.exists(path):
        with _locked(suite):
            if not os.path.exists(path):
                _bootstrap(suite, path)
    return path


def program_of(suite, bin_dir):
    """A directory with the virt-ferry of `bin_dir` as that Debian builds it, from the same sources with the same options;
    None if there is no program in `bin_dir`."""
    if not bin_dir or not os.path.exists(os.path.join(bin_dir, "virt-ferry")):
        return None
    root = root_of(suite)
    source, options = _build_of(bin_dir)
    digest = hashlib.sha256("\n".join([root, *options]).encode())
    for path in [os.path.join(source, "meson.build"), *sorted(glob.glob(os.path.join(source, "src", "**", "*"), recursive=True))]:
        if os.path.isfile(path):
            digest.update(os.path.relpath(path, source).encode() + b"\0")
            with open(path, "rb") as file:
                digest.update(file.read())
    built = os.path.join(kernel.cache_dir(), f"program-{suite}-{digest.hexdigest()[:12]}")
    with _locked(suite):
        if not os.path.exists(built):
            _build(root, source, options, built)
        os.utime(built)
        _remove_old(f"program-{suite}-*")
    return built


def _build_of(bin_dir):
    """The sources and the options of the build that `bin_dir` is in, from what Meson wrote down there."""
    place = os.path.realpath(bin_dir)
    while not os.path.exists(os.path.join(place, "meson-info", "intro-buildoptions.json")):
        place, below = os.path.dirname(place), place
        if place == below:
            raise LabError(f"cannot build virt-ferry for another Debian: '{bin_dir}' is in no build directory of Meson")
    with open(os.path.join(place, "meson-info", "meson-info.json"), encoding="utf-8") as info:
        source = json.load(info)["directories"]["source"]
    with open(os.path.join(place, "meson-info", "intro-buildoptions.json"), encoding="utf-8") as info:
        values = {option["name"]: option["value"] for option in json.load(info)}
    words = {name: str(values[name]).lower() if isinstance(values[name], bool) else values[name] for name in BUILD_OPTIONS}
    return source, [f"-D{name}={value}" for name, value in words.items()]


# ---------------------------------------------------------------- making


@contextlib.contextmanager
def _locked(suite):
    """A lock of its own: others need not wait minutes for a guest's kernel."""
    os.makedirs(kernel.cache_dir(), exist_ok=True)
    with open(os.path.join(kernel.cache_dir(), f".lock-{suite}"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for stale in glob.glob(os.path.join(kernel.cache_dir(), f"making-{suite}-*")):  # a killed maker's: we hold the lock
            shutil.rmtree(stale, ignore_errors=True)
        yield


@contextlib.contextmanager
def _making(suite, path):
    """A directory that becomes `path` when the block ends well."""
    place = tempfile.mkdtemp(prefix=f"making-{suite}-", dir=kernel.cache_dir())
    os.chmod(place, 0o755)
    try:
        yield place
        os.rename(place, path)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _bootstrap(suite, path):
    if shutil.which("debootstrap") is None:
        raise Unavailable(f"cannot make a root of Debian '{suite}': there is no debootstrap (Debian: debootstrap)")
    mirror = _mirror()
    with _making(suite, path) as place:
        probe = run("/usr/lib/apt/apt-helper", "download-file", f"{mirror.rstrip('/')}/dists/{suite}/Release", place + "/Release",
                    check=False, timeout=120)
        if probe.returncode != 0:
            raise Unavailable(f"cannot make a root of Debian '{suite}': no answer from the mirror: {probe.stderr.strip()}")
        os.unlink(place + "/Release")
        settings = run("apt-config", "dump", "--no-empty", "--format", '%F "%v";%n', "Acquire").stdout.splitlines()
        kept = [line for line in settings if re.match(r"Acquire::(https?::|Check-|Retries)", line)]
        conf = "\n".join(["Dir::Cache::pkgcache \"\";", "Dir::Cache::srcpkgcache \"\";", 'Acquire::Languages "none";', *kept, ""])
        _apart(BOOTSTRAP_SCRIPT, BOOTSTRAP_S, {}, suite, place, mirror, DPKG_CONF, conf)
        _apart(INSTALL_SCRIPT, INSTALL_S, {"root": place}, place, INSTALL_PACKAGES, *GROUPS)
    _remove_old(f"root-{suite}-*")


def _mirror():
    """Where the machine's own apt takes Debian from."""
    known = run("apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages").stdout.splitlines()
    for line in known:
        label, _, uri = line.partition(" ")
        if label == "Debian":
            return uri
    raise Unavailable("cannot make a root of Debian: apt of this machine knows no repository of Debian; try apt-get update")


def _build(root, source, options, built):
    with _making(os.path.basename(built).split("-")[1], built) as place:
        _apart(BUILD_SCRIPT, BUILD_S, {"root": root, "out": place}, source, *options)


def _apart(script, timeout, settings, *words):
    """Run a script in mount and process namespaces of its own: with it go its mounts and whatever it started."""
    proxy = run("apt-config", "dump", "--format", "%v", "Acquire::http::Proxy").stdout.strip()
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8",
                   **({"http_proxy": proxy} if proxy else {}), **settings}
    run("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "--", "/bin/sh", "-c", script, "lab", *words,
        timeout=timeout, env=environment)


def _remove_old(pattern):
    for path in glob.glob(os.path.join(kernel.cache_dir(), pattern)):
        if time.time() - os.stat(path).st_mtime > OLD_S:
            shutil.rmtree(path, ignore_errors=True)
