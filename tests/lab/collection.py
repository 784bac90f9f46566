"""libvirt's own collection of test XML: some thousand descriptions of guests that its developers thought of. Nothing of it is kept
here; Debian's source package of the libvirt that is installed is fetched once, and unpacked into the lab's cache."""
import glob
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from movetest import skip
from ferrylab import kernel

KEYRINGS = ["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"]
FORMAT = "$(SITE) $(RELEASE) $(COMPONENT) $(CREATED_BY) $(ORIGIN)"


def _run(*argv, cwd=None, timeout=300):
    done = subprocess.run(argv, cwd=cwd, timeout=timeout, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          env={**os.environ, "LC_ALL": "C"})
    if done.returncode != 0:
        skip(f"cannot fetch libvirt's source package: '{argv[0]}' says: {done.stderr.strip()[-300:]}")
    return done.stdout


def _lists():
    """The Debian archives that apt has, asked for their sources too; apt checks signatures and digests."""
    keyring = next(filter(os.path.exists, KEYRINGS), None)
    signed = f"[signed-by={keyring}] " if keyring else ""
    targets = (line.split(" ") for line in _run("apt-get", "indextargets", "--format", FORMAT).splitlines())
    places = {(t[0], t[1]) for t in targets if len(t) == 5 and t[2:] == ["main", "Packages", "Debian"]}
    if not places:
        skip("cannot fetch libvirt's source package: apt knows no archive of Debian's")
    return "".join(f"deb-src {signed}{site} {release} main\n" for site, release in sorted(places))


def _version():
    return _run("dpkg-query", "-W", "-f", "${source:Version}", "libvirt-daemon").strip()


def _unpack(archive, into):
    """Only plain XML files of its tests, and by their names only."""
    with tarfile.open(archive) as tar:
        for member in tar:
            parts = member.name.split("/")
            if member.isfile() and parts[1:2] == ["tests"] and member.name.endswith(".xml") and ".." not in parts:
                place = Path(into, *parts[2:])
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(tar.extractfile(member).read())


def _fetch(place, version):
    for name in ("lists/partial", "archives/partial", "xml"):
        os.makedirs(os.path.join(place, name))
    with open(os.path.join(place, "sources.list"), "w", encoding="ascii") as lists:
        lists.write(_lists())
    apart = [f"Dir::Etc::sourcelist={place}/sources.list", "Dir::Etc::sourceparts=-", f"Dir::State::lists={place}/lists",
             f"Dir::Cache={place}", "APT::Sandbox::User=root", "Acquire::Retries=2", "APT::Update::Error-Mode=any"]
    options = [word for setting in apart for word in ("-o", setting)]
    _run("apt-get", *options, "update")
    _run("apt-get", *options, "source", "--download-only", f"libvirt={version}", cwd=place)
    archives = glob.glob(f"{place}/libvirt_*.orig.tar.*[!c]")  # not the .asc
    if len(archives) != 1:
        skip(f"cannot fetch libvirt's source package: apt brought {os.listdir(place)}")
    _unpack(archives[0], os.path.join(place, "xml"))


def files():
    """All of it; skips with the reason where it cannot be had."""
    if shutil.which("apt-get") is None:
        skip("there is no apt-get to fetch libvirt's source package")
    version = _version()
    final = os.path.join(kernel.cache_dir(), "libvirt-xml-" + re.sub(r"[^A-Za-z0-9.]", "-", version))
    if not os.path.exists(final):
        os.makedirs(kernel.cache_dir(), exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fetch-", dir=kernel.cache_dir()) as place:
            _fetch(place, version)
            try:
                os.rename(os.path.join(place, "xml"), final)
            except OSError:
                if not os.path.exists(final):  # else another test was faster
                    raise
    return sorted(str(path) for path in Path(final).rglob("*.xml"))
