"""A lab: its state directory, its hosts, its link; up, open again by name, down."""

import contextlib
import fcntl
import os
import re
import secrets
import shutil
import signal
import threading
import time

from . import forget, kernel, proc
from .hosts import Host
from .link import Capture, Link
from .proc import LabError, run
from .watch import Blackout

DEFAULT_ROOT = "/var/tmp/ferry-lab"
SANITIZER_ENV = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS")
NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
HOST_PATTERN = re.compile(r"[a-z][a-z0-9-]{0,10}")  # becomes an interface name


def root_dir():
    return os.path.realpath(os.environ.get("FERRY_LAB_ROOT", DEFAULT_ROOT))


def lab_names():
    """Labs that exist, up or half built."""
    try:
        return sorted(entry.name for entry in os.scandir(root_dir()) if entry.is_dir())
    except OSError:
        return []


class Keys:
    """One key pair for all users and one for all sshds of a lab: each host knows and admits the others."""

    def __init__(self, lab):
        self.lab = lab
        self.dir = os.path.join(lab.state, "keys")

    def make(self):
        os.makedirs(self.dir)
        for name in ("user", "host"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"ferry-lab-{name}", "-f", f"{self.dir}/{name}")

    def files(self):
        """(path inside a host, text) of every file that ssh needs there."""
        text = {}
        for name in ("user", "user.pub", "host", "host.pub"):
            with open(f"{self.dir}/{name}", encoding="ascii") as key:
                text[name] = key.read()
        known = "".join(f"{h.name},{h.address} {text['host.pub']}" for h in self.lab.hosts)
        config = "Host *\n  User root\n  BatchMode yes\n  StrictHostKeyChecking yes\n  GSSAPIAuthentication no\n"
        return [("/root/.ssh/id_ed25519", text["user"]), ("/root/.ssh/id_ed25519.pub", text["user.pub"]),
                ("/root/.ssh/authorized_keys", text["user.pub"]), ("/root/.ssh/known_hosts", known),
                ("/root/.ssh/config", config), ("/etc/ssh/lab_host_key", text["host"])]


class Lab:
    """Real hosts on one machine. Use it as a context manager: whatever ends the block, the lab goes down.

    name      unique by default, so that labs stand side by side
    hosts     names, at most 11 characters each; NAME:SUITE is a host of that Debian (bravo:trixie), else it is as the machine
    bin_dir   first in PATH of commands and of ssh sessions inside the hosts; it is visible there under the same path
    pass_env  environment for commands and ssh sessions; the sanitizers' variables are passed by default
    share     further directories of the machine to be seen inside every host under the same path
    FERRY_LAB_KEEP=1 leaves a lab up when its block fails; FERRY_LAB_LOGS=DIR saves the hosts' logs then.
    """

    def __init__(self, name=None, hosts=("alfa", "bravo"), bin_dir=None, pass_env=None, share=()):
        self.name = name or f"t{os.getpid()}-{secrets.token_hex(3)}"
        if not NAME_PATTERN.fullmatch(self.name):
            raise LabError(f"cannot name lab '{self.name}': use a-z, 0-9 and -, at most 32")
        for host in hosts:
            if not HOST_PATTERN.fullmatch(host.partition(":")[0]) or host.partition(":")[0] in ("net", "lo", "br0"):
                raise LabError(f"cannot name host '{host}': use a-z, 0-9 and -, at most 11, not net, lo or br0")
        self.state = os.path.join(root_dir(), self.name)
        self.bin_dir = os.path.realpath(bin_dir) if bin_dir else None
        self.pass_env = {key: os.environ[key] for key in SANITIZER_ENV if key in os.environ}
        self.pass_env.update(pass_env or {})
        self.shares = [os.path.realpath(path) for path in (*share, *([bin_dir] if bin_dir else []), *forget.shares(),
                                                        kernel.cache_dir())]
        self.shared_dir = os.path.join(self.state, "shared")  # one directory that hosts may mount; see Storage.shared
        self.shares.append(self.shared_dir)
        self.hosts = [Host(self, host, index) for index, host in enumerate(hosts)]
        self.keys = Keys(self)
        self.link = Link(self)
        self._old_handler = None

    @classmethod
    def open(cls, name):
        """A lab that is up, from its state directory; also one whose making was interrupted."""
        state = proc.read_json(os.path.join(root_dir(), name, "lab.json"))
        if state is None:
            raise LabError(f"cannot open lab '{name}': no such lab below {root_dir()}")
        lab = cls(name, state["hosts"], state["bin_dir"], state["pass_env"])
        lab.shares = state["shares"]
        return lab

    # ---------------------------------------------------------------- up and down

    def up(self):
        """Raise all hosts, both at a time, and wait until they answer. On failure nothing is left."""
        for host in self.hosts:
            host.prepare()
        os.makedirs(root_dir(), exist_ok=True)
        try:
            os.mkdir(self.state)
        except FileExistsError:
            raise LabError(f"cannot raise lab '{self.name}': it exists; take it down first") from None
        try:
            proc.write_json(os.path.join(self.state, "lab.json"),
                            {"hosts": [h.spec for h in self.hosts], "bin_dir": self.bin_dir, "pass_env": self.pass_env,
                             "shares": self.shares, "creator": os.getpid(), "created_s": time.time()})
            self.keys.make()
            with self._machine_lock():
                self.link.raise_up()
            os.mkdir(self.shared_dir)
            for host in self.hosts:
                host.lay_out()
            for host in self.hosts:
                host.begin_boot()
            for host in self.hosts:
                host.finish_boot()
        except BaseException:
            self._keep_logs()
            self.down()
            raise
        return self

    def down(self):
        """End everything of this lab and remove every trace. Works on a half-built or crashed lab, and twice."""
        with _signals_held():
            for host in self.hosts:
                host.power_off()
            with self._machine_lock():
                self.link.tear_down()
            self._free_loops()
            shutil.rmtree(self.state, ignore_errors=False) if os.path.isdir(self.state) else None

    def _free_loops(self):
        for device in self._loops():
            run("losetup", "-d", device, check=False)
        proc.wait_until(f"the loop devices of lab '{self.name}' to be free", lambda: not self._loops(), 20)

    def _loops(self):
        """Loop devices over files of this lab, by what the kernel says they are over."""
        found = []
        for entry in os.listdir("/sys/block"):
            try:
                with open(f"/sys/block/{entry}/loop/backing_file", encoding="utf-8") as backing:
                    if backing.read().startswith(self.state + "/"):
                        found.append(f"/dev/{entry}")
            except OSError:
                continue
        return found

    @contextlib.contextmanager
    def _machine_lock(self):
        os.makedirs(root_dir(), exist_ok=True)
        with open(os.path.join(root_dir(), ".lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            self._old_handler = signal.signal(signal.SIGTERM, _exit_on_signal)
        try:
            return self.up()
        except BaseException:
            self._restore_handler()
            raise

    def __exit__(self, kind, error, trace):
        try:
            if kind is not None:
                self._keep_logs()
            if kind is None or not os.environ.get("FERRY_LAB_KEEP"):
                self.down()
        finally:
            self._restore_handler()
        return False

    def _restore_handler(self):
        if self._old_handler is not None:
            signal.signal(signal.SIGTERM, self._old_handler)
            self._old_handler = None

    def _keep_logs(self):
        place = os.environ.get("FERRY_LAB_LOGS")
        if not place:
            return
        for host in self.hosts:
            with contextlib.suppress(OSError, shutil.Error):
                shutil.copytree(host.backing_of("/var/log"), os.path.join(place, self.name, host.name), dirs_exist_ok=True)

    # ---------------------------------------------------------------- use

    def host(self, name):
        for host in self.hosts:
            if host.name == name:
                return host
        raise LabError(f"cannot find host '{name}' in lab '{self.name}': it has {', '.join(h.name for h in self.hosts)}")

    def capture(self, host=None):
        """Context manager over the packets on the link; see link.Capture."""
        return Capture(self, host)

    def blackout(self, guest):
        """Context manager over a guest's heartbeat on all hosts; see watch.Blackout."""
        return Blackout(self, guest.name)


def _exit_on_signal(number, frame):
    raise SystemExit(128 + number)


@contextlib.contextmanager
def _signals_held():
    """Nothing interrupts a clean-up half way; a signal that came meanwhile is delivered after it."""
    held = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
