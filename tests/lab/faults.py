"""What the tests of refusals and failures share: a run of virt-ferry that is halted, signalled or killed exactly where its
journal says so; the whole state of both hosts, to compare; and the questions after an undo."""
import contextlib
import difflib
import hashlib
import json
import os
import re
import signal
import stat
import subprocess
import threading
from pathlib import Path

from movetest import Ended, digest, files_below, moves, require, skip, strays
from movetest import hosts as _raise_hosts
from ferrylab import LabError, kernel
from ferrylab.proc import wait_until

HERE = Path(__file__).resolve().parent


# ---------------------------------------------------------------- halting

def halt_library():
    """halt.c, built once; the cache is seen inside every host."""
    source = HERE / "halt.c"
    name = f"halt-{hashlib.sha256(source.read_bytes()).hexdigest()[:12]}.so"
    built = Path(kernel.cache_dir()) / name
    if not built.exists():
        try:
            partial = built.with_suffix(f".{os.getpid()}")
            subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", "-o", partial, source, "-ldl"], check=True)
        except FileNotFoundError:
            skip("there is no gcc to build halt.c")
        os.rename(partial, built)
    return built


def phase(name):
    """The words of the record that a phase is entered."""
    return f'"record":"phase","phase":"{name}"'


def record(kind):
    return f'"record":"{kind}"'


def nth(number):
    return f'{{"seq":{number},'


_begun = []  # every run of this test


@contextlib.contextmanager
def hosts(*names):
    """movetest.hosts; a run that was halted when the test failed is ended first, or the host could not go down."""
    with _raise_hosts(*names) as lab:
        try:
            yield lab
        finally:
            for run in _begun:
                run.end_at_once()


class Ferry:
    """A run of virt-ferry --json that goes on beside the test.

    halt    "stop-after WORDS", "kill-after WORDS" or "kill-before WORDS"; see halt.c and `phase`, `record`, `nth`
    """

    def __init__(self, host, *words, halt=None):
        env = {}
        if halt:
            asan = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
            env = {"LD_PRELOAD": str(halt_library()), "FERRY_HALT": halt, "ASAN_OPTIONS": asan}
        self.host = host
        self._lines = []
        self._errors = []
        self._process = host.popen(["virt-ferry", *words], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self._threads = [threading.Thread(target=self._take, args=pair, daemon=True)
                         for pair in ((self._process.stdout, self._lines), (self._process.stderr, self._errors))]
        for thread in self._threads:
            thread.start()
        _begun.append(self)

    @staticmethod
    def _take(stream, lines):
        for line in stream:
            lines.append(line)

    def events(self):
        return [json.loads(line) for line in list(self._lines) if line.startswith("{") and line.endswith("\n")]

    def is_over(self):
        return self._process.poll() is not None

    def pid(self):
        """Its process id as the machine sees it."""
        return self._process.inner_pid()

    def wait_for(self, what, question, timeout=60):
        """Until question(events) is true; an end before that is an error."""
        def asked():
            found = question(self.events())
            if not found and self.is_over():
                raise AssertionError(f"virt-ferry ended before {what}: {self.end()}")
            return found
        return wait_until(what, asked, timeout)

    def wait_phase(self, name):
        self.wait_for(f"phase {name}", lambda events: any(e["event"] == "phase" and e["name"] == name for e in events))

    def wait_bytes(self, name, least):
        """Until the progress of a phase tells of that many bytes."""
        self.wait_for(f"{least} bytes in phase {name}", lambda events: any(
            e["event"] == "progress" and e["phase"] == name and e["done_bytes"] >= least for e in events))

    def wait_stopped(self, timeout=90):
        def stopped():
            if self.is_over():
                raise AssertionError(f"virt-ferry ended before it was to be stopped: {self.end()}")
            pid = self.pid()
            try:
                return pid is not None and Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "Tt"
            except OSError:
                return False
        wait_until("virt-ferry to stop at its record", stopped, timeout)
        return self

    def go_on(self):
        inner = self.pid()
        os.kill(self._process.pid, signal.SIGCONT)  # nsenter stops and goes on with its child
        if inner is not None:
            os.kill(inner, signal.SIGCONT)
        return self

    def go_on_if_there(self):
        """Also after its end, or its host's."""
        try:
            self.go_on()
        except ProcessLookupError:
            pass

    def abandon(self):
        """Before its host loses power: halted, what stands before it outside would hold up the end of all processes there."""
        self._process.kill_outer()

    def signal(self, number):
        os.kill(self.pid(), number)
        return self

    def end(self, expect=None, timeout=180):
        """Wait for the end; the exit code must be `expect` (one code or a tuple), if given."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            inner = self.pid()
            os.kill(inner, signal.SIGKILL)
            raise AssertionError(f"virt-ferry did not end within {timeout} s; it said: {''.join(self._lines)[-3000:]}"
                                 f"{''.join(self._errors)[-1000:]}") from None
        for thread in self._threads:
            thread.join(20)
        ended = Ended(subprocess.CompletedProcess([], code, "".join(self._lines), "".join(self._errors)))
        if expect is not None:
            require(code in (expect if isinstance(expect, tuple) else (expect,)), "virt-ferry was to end with", expect,
                    "but:", ended, "\n", "".join(self._lines)[-1500:])
        return ended

    def end_at_once(self):
        inner = self.pid()
        if inner is not None:
            os.kill(inner, signal.SIGKILL)
        if not self.is_over():
            os.kill(self._process.pid, signal.SIGCONT)

    def end_killed(self):
        """It must have ended by SIGKILL."""
        ended = self.end()
        require(ended.code in (-signal.SIGKILL, 128 + signal.SIGKILL), "virt-ferry was to be killed but:", ended)


def migrating(guest, destination, *options, halt=None):
    """A move under way."""
    return Ferry(guest.host, "migrate", "--json", *options, guest.name, destination.uri(), halt=halt)


def ferry(host, *words, expect=0, timeout=180):
    """One run of virt-ferry to its end."""
    return Ferry(host, *words).end(expect, timeout)


def last_move(host):
    """What `list` says of the newest move of a host."""
    return moves(host)[-1]  # `list` has the oldest first


# ---------------------------------------------------------------- the state of the world

def domain_names(host):
    return host.run("virsh", "list", "--all", "--name", check=True).stdout.split()


def documents(host, name, live=True):
    """All that libvirt keeps of a guest, as it says it."""
    def ask(*words):
        return host.run("virsh", *words, check=True).stdout
    snapshots = ask("snapshot-list", name, "--name").split()
    current = host.run("virsh", "snapshot-current", name, "--name")
    found = {"inactive": ask("dumpxml", "--inactive", name), "info": ask("dominfo", name).splitlines()[4:5],
             "snapshots": {snapshot: ask("snapshot-dumpxml", name, snapshot) for snapshot in snapshots},
             "current": current.stdout.strip() if current.returncode == 0 else None,
             "autostart": re.search(r"(?m)^Autostart: *(\S+)", ask("dominfo", name)).group(1)}
    found["live"] = ask("dumpxml", name) if live else ask("domblklist", name, "--details")
    return found


def differences(before, now):
    texts = [json.dumps(value, indent=1, sort_keys=True).replace("\\n", "\n").splitlines() for value in (before, now)]
    return "\n".join(difflib.unified_diff(*texts, "before", "now", n=1, lineterm=""))


def require_same_documents(now, before):
    for part, was in before.items():
        require(now[part] == was, f"the guest's {part} changed:\n" + differences(was, now[part]))


def require_same_world(lab, before, *directories):
    now = world(lab, *directories)
    require(now == before, "the world changed:\n" + differences(before, now))


def world(lab, *directories):
    """Every file with its digest and every document, on all hosts."""
    places = directories or ("/var/lib/libvirt/images", "/srv")
    return {host.name: {"files": {path: file_facts(host, path) for place in places for path in files_below(host, place)},
                        "domains": {name: documents(host, name) for name in domain_names(host)},
                        "run": run_files(host)} for host in lab.hosts if host.is_on()}


def file_facts(host, path):
    """Content, owner and mode; of a symlink its text in place of the content."""
    facts = os.lstat(host.path(path))
    if stat.S_ISLNK(facts.st_mode):
        return os.readlink(host.path(path)), facts.st_ino
    return None if stat.S_ISFIFO(facts.st_mode) else digest(host, path), facts.st_uid, facts.st_gid, oct(facts.st_mode), facts.st_ino


def run_files(host):
    run = Path(host.path("/run/virt-ferry"))
    return sorted(str(path.relative_to(run)) for path in run.rglob("*")) if run.exists() else []


def processes(host):
    """virt-ferry processes of a host, agents included, and what they wait for."""
    done = host.run("ps", "-eo", "pid=,comm=,args=")
    return [line.strip() for line in done.stdout.splitlines()
            if re.search(r"^\s*\d+ (virt-ferry|qemu-img)\b", line) or "virt-ferry agent" in line]


def require_quiet(lab, timeout=40):
    """No process of virt-ferry and no socket of it is left on any host; an agent may take a moment to see its link's end."""
    def left():
        return {host.name: found for host in lab.hosts if host.is_on() and (found := processes(host) + run_files(host))}
    try:
        wait_until("the end of all agents", lambda: not left(), timeout)
    except LabError:
        raise AssertionError(f"processes or sockets are left: {left()}") from None


class Before:
    """The guest and both hosts as they were before a move that must leave no trace."""

    def __init__(self, guest, *far_directories):
        self.guest = guest
        self.documents = documents(guest.host, guest.name, live=False)
        self.chain = {target: chain_of(guest, target) for target in guest.sources()}
        self.near = set(files_below(guest.host, "/var/lib/libvirt/images"))
        self.far_directories = far_directories or ("/var/lib/libvirt/images", "/srv")
        self.far = self._far_files()

    def _others(self):
        return [host for host in self.guest.host.lab.hosts if host is not self.guest.host]

    def _far_files(self):
        return {host.name: {path: file_facts(host, path) for place in self.far_directories for path in files_below(host, place)}
                for host in self._others()}

    def require_again(self, state="running", destination="absent", quiet=True):
        """Does the guest run with its data whole; does exactly one side hold it; is nothing left, everything as it was."""
        guest = self.guest
        places = guest.places()
        require(places[guest.host.name] == state, "the guest is at", places)
        require(all(places[host.name] == destination for host in self._others()), "the guest is at", places)
        if state == "running":
            guest.check()
        require_same_documents(documents(guest.host, guest.name, live=False), self.documents)
        require({target: chain_of(guest, target) for target in guest.sources()} == self.chain, "its chain changed from",
                self.chain)
        near = set(files_below(guest.host, "/var/lib/libvirt/images"))
        require(near == self.near, "files at the source:", near ^ self.near)
        far = self._far_files()
        require(far == self.far, "files at the destination:", far, "were", self.far)
        if quiet:
            require_quiet(guest.host.lab)


def chain_of(guest, target):
    """Paths of the layers as QEMU has them open now, top first."""
    text = guest.virsh("dumpxml", guest.name)
    disk = next(d for d in re.findall(r"(?s)<disk .*?</disk>", text) if f"<target dev='{target}'" in d)
    return re.findall(r"<source (?:file|dev)='([^']*)'", disk)


def require_undone(before, host, code=None):
    """The last move of a host was taken back: the world is as before, and `list` says so."""
    before.require_again()
    said = last_move(host)
    require(said["state"] == "undone" and "next" not in said, "list says", said)
    status = host.run("virt-ferry", "status", said["id"], check=True).stdout
    require("state: undone" in status and "next:" not in status, "status says", status)


# ---------------------------------------------------------------- killed and resumed

def guest_with_snapshots(host, **options):
    """It runs and has two internal snapshots, without RAM so that they weigh little."""
    guest = host.guest("g", layout="qcow2", boot=False, **options)
    guest.snapshot_internal("s1")
    guest.snapshot_internal("s2")
    guest.start()
    return guest


def kill_and_resume(lab, halts, may_undo=False):
    """A guest goes to and fro; each time virt-ferry is killed at one of the halts and resumed. The end must be the one without
    a kill; where a switch had begun, `resume` may also take the move back, and then another one must succeed."""
    source, destination = lab.hosts
    guest = guest_with_snapshots(source)
    for halt in halts:
        before = Before(guest)
        migrating(guest, destination, halt=halt).end_killed()
        killed = last_move(source)
        require("next" in killed and killed["state"] in ("interrupted", "unsettled", "done"), halt, "list says", killed)
        ended = ferry(source, "resume", "--json", killed["id"], expect=(0, 3) if may_undo else 0)
        if ended.code == 3:
            require_undone(before, source)
            ended = migrating(guest, destination).end(0)
        require(guest.places() == {source.name: "absent", destination.name: "running"}, halt, "the guest is at", guest.places())
        there = guest.at(destination)
        there.check()
        require(strays(destination) == [], halt, "left at the destination:", strays(destination))
        now = documents(destination, "g", live=False)
        require_same_documents({part: now[part] for part in ("snapshots", "current")},
                               {part: before.documents[part] for part in ("snapshots", "current")})
        require(last_move(source)["state"] == "done", halt, "list says", last_move(source))
        require_quiet(lab)
        ferry(source, "cleanup", "--json", ended.result["id"])
        require(files_below(source, "/var/lib/libvirt/images") == [], halt, "cleanup left files at", source)
        guest, source, destination = there, destination, source
