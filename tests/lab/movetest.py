"""What the tests of moves share: a lab whose hosts have the built program, the move itself, and the three questions after it."""
import contextlib
import hashlib
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "lab"))

from ferrylab import Lab, LabError, Unavailable  # noqa: E402

IMAGES = "/var/lib/libvirt/images"
BIN = Path(os.environ.get("FERRY_BIN", ROOT / "build" / "src" / "cli"))


def require(condition, *explanation):
    """As assert, which -O cannot take away, with the facts that explain it."""
    if not condition:
        raise AssertionError(" ".join(str(part) for part in explanation))


def skip(reason):
    print(f"SKIP: {reason}")
    sys.exit(77)


@contextlib.contextmanager
def hosts(*names):
    """Two fresh hosts with the program that was built; afterwards nothing of them is left. Names as Lab takes them: "bravo:trixie"."""
    if os.geteuid() != 0:
        skip("raising hosts needs root")
    if not (BIN / "virt-ferry").exists():
        raise SystemExit(f"cannot test: there is no program at {BIN}/virt-ferry; build first")
    with contextlib.ExitStack() as stack:
        try:
            lab = stack.enter_context(Lab(hosts=names or ("alfa", "bravo"), bin_dir=str(BIN)))
        except Unavailable as reason:
            skip(reason)
        yield lab


class Ended:
    """How a run of virt-ferry --json ended."""

    def __init__(self, done):
        self.code = done.returncode
        self.stderr = done.stderr
        self.events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        results = [event for event in self.events if event["event"] == "result"]
        self.result = results[-1] if results else {}

    def findings(self, level=None):
        return {f["code"]: f for f in self.events if f["event"] == "finding" and level in (None, f["level"])}

    def phases(self):
        return [event["name"] for event in self.events if event["event"] == "phase"]

    def notes(self):
        return [event["text"] for event in self.events if event["event"] == "note"]

    def __str__(self):
        return f"exit {self.code}: {json.dumps(self.result)} {self.stderr[-2000:]}"


def migrate(guest, destination, *options, expect=0, timeout=300):
    """Moves the guest; the exit code must be `expect`."""
    ended = Ended(guest.host.run("virt-ferry", "migrate", "--json", *options, guest.name, destination.uri(), timeout=timeout))
    require(ended.code == expect, "migrate was to end with", expect, "but:", ended)
    return ended


def plan(guest, destination, *options, expect=0):
    done = guest.host.run("virt-ferry", "plan", "--json", *options, guest.name, destination.uri(), timeout=60)
    require(done.returncode == expect, "plan was to end with", expect, "but:", done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout)


def refusals(description):
    return {f["code"] for f in description["findings"] if f["level"] == "refuse"}


def digest(host, path):
    """SHA-256 of a file's bytes as they lie there."""
    state = hashlib.sha256()
    with open(host.path(path), "rb") as file:
        while block := file.read(1 << 20):
            state.update(block)
    return state.hexdigest()


def info(host, path, fmt="qcow2"):
    done = host.run("qemu-img", "info", "-U", "--output=json", "-f", fmt, path, check=True)
    return json.loads(done.stdout)


def files_below(host, directory):
    base = Path(host.path(directory))
    return sorted(str(Path("/") / directory.lstrip("/") / p.relative_to(base)) for p in base.rglob("*") if not p.is_dir())


def strays(host):
    """Whatever a move must not leave: caps, partials, sockets."""
    left = [path for path in files_below(host, "/var/lib/libvirt/images") + files_below(host, "/srv") if ".ferry-" in path]
    run = Path(host.path("/run")) / "virt-ferry"
    left += [str(path) for path in run.rglob("*")] if run.exists() else []
    return left


def require_moved(guest, source, destination):
    """Does the guest run, is its data whole, does exactly one side hold it?"""
    places = guest.places()
    require(places == {**dict.fromkeys(places, "absent"), destination.name: "running"}, "the guest is at", places)
    there = guest.at(destination)
    there.check()
    require(strays(destination) == [], "left at the destination:", strays(destination))
    return there


def require_stayed(guest, source, destination, chains, snapshots=()):
    """After an undo: the guest runs at its old place on its original chain, nothing is left on either side, metadata is back."""
    require(guest.places() == {source.name: "running", destination.name: "absent"}, "the guest is at", guest.places())
    guest.check()
    require(guest.sources() == chains, "the guest writes", guest.sources(), "and not", chains)
    require(strays(source) == [], "left at the source:", strays(source))
    require(strays(destination) == [], "left at the destination:", strays(destination))
    require(sorted(guest.snapshot_names()) == sorted(snapshots), "snapshots:", guest.snapshot_names())


def moves(host):
    """What `list --json` says."""
    done = host.run("virt-ferry", "list", "--json", check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]
