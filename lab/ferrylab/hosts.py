"""A host of the lab: namespaces whose first process takes all the others with it, private directories, real daemons.

A host lives in a named network namespace and in mount, UTS, IPC and PID namespaces of its own. The first process of the
PID namespace is its power: killed, every process of the host dies at once. What the host writes lies below its state
directory and is there again at power on; /run is not.
"""

import os
import shlex
import subprocess
import uuid

from . import distro, kernel, proc
from .proc import LabError
from .storage import Storage

# Paths that every host has for itself. Empty at first; /etc and /var/lib are overlays over the machine's.
PRIVATE_DIRS = ["/etc/libvirt", "/var/lib/libvirt", "/var/log", "/var/cache/libvirt", "/root", "/srv",
                "/var/lib/virt-ferry", "/tmp", "/var/tmp"]
CONTROL_DIR = "/var/lib/libvirt/qemu/labctl"
LIBVIRTD_LOG = "/var/log/libvirt/libvirtd.log"
SSHD_LOG = "/var/log/sshd.log"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

QEMU_CONF = """\
user = "root"
group = "root"
security_driver = "none"
remember_owner = 0
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
max_core = 0
"""

# Before all else on a host of another Debian: its root takes the place of the machine's, of which only what is named remains.
ROOT_SCRIPT = """\
set -e
mkdir -p @STATE@/root @STATE@/root.upper @STATE@/root.work
mount -t overlay -o lowerdir=@TREE@,upperdir=@STATE@/root.upper,workdir=@STATE@/root.work,index=off lab-root @STATE@/root
for place in dev proc sys; do mount --rbind /$place @STATE@/root/$place; done
@KEPT@
cd @STATE@/root
pivot_root . mnt
cd /
umount --lazy /mnt
"""

# One line an act; @NAME@ is filled in. Sources are bound before /tmp and /var/tmp, where they may lie, are covered.
BOOT_SCRIPT = """\
set -e
umount --lazy --recursive /run/netns || true
@SHARES@
mount -t overlay -o lowerdir=/etc,upperdir=@STATE@/etc,workdir=@STATE@/etc.work,index=off lab-etc /etc
mount -t overlay -o lowerdir=/var/lib,upperdir=@STATE@/varlib,workdir=@STATE@/varlib.work,index=off lab-lib /var/lib
mkdir -p /var/lib/virt-ferry
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 lab-run /run
mount -t tmpfs lab-shm /dev/shm
mkdir -p -m 755 /run/sshd /run/lock /run/user
@BINDS@
hostname @NAME@
sysctl -q -w net.ipv6.conf.all.disable_ipv6=1 || true
@MOUNTS@
cd /root
/usr/sbin/sshd -f /etc/ssh/lab_sshd_config -E @SSHD_LOG@
/usr/sbin/libvirtd -d -f /etc/libvirt/libvirtd.conf
touch /run/lab-booted
while :; do sleep 1000000 & wait $!; done
"""


class Host:
    """One host of a lab. Made by Lab; `run`, `popen`, `path`, `storage`, `guest` and the power operations are for its users."""

    def __init__(self, lab, name, index):
        self.lab = lab
        self.name, _, self.suite = name.partition(":")  # no suite: the machine's own system
        self.spec = name
        self.index = index
        self.address = f"10.77.0.{10 + index}"
        self.state = os.path.join(lab.state, self.name)
        self.netns = f"ferry-{lab.name}-{self.name}"
        self._booting = None
        self.storage = Storage(self)

    def __repr__(self):
        return f"<Host {self.name} of lab {self.lab.name}>"

    # ---------------------------------------------------------------- power

    def prepare(self):
        """Have ready what takes minutes at the first need and belongs to no lab."""
        if self.suite:
            distro.root_of(self.suite)
            distro.program_of(self.suite, self.lab.bin_dir)

    def lay_out(self):
        """Make the state directory: private directories, configuration, keys. Once in a host's life."""
        for part in ("etc", "etc.work", "varlib", "varlib.work"):
            os.makedirs(os.path.join(self.state, part))
        for path in PRIVATE_DIRS:
            os.makedirs(self.backing_of(path), exist_ok=True)
        os.chmod(self.backing_of("/tmp"), 0o1777)
        for path in ("/var/lib/libvirt/images", CONTROL_DIR, "/var/log/libvirt/qemu", "/srv/dev", "/root/.ssh"):
            os.makedirs(self.outside(path), exist_ok=True)
        os.chmod(self.outside("/root/.ssh"), 0o700)
        self._write_config()
        kernel.seed_capabilities(self._capabilities(), self.suite)

    def _capabilities(self):
        return os.path.join(self.backing_of("/var/cache/libvirt"), "qemu", "capabilities")

    def _write_config(self):
        etc = os.path.join(self.state, "etc")
        hosts = "".join(f"{h.address} {h.name}\n" for h in self.lab.hosts)
        proc.write_text(f"{etc}/hosts", f"127.0.0.1 localhost\n{hosts}")
        proc.write_text(f"{etc}/hostname", f"{self.name}\n")
        proc.write_text(f"{etc}/resolv.conf", "")
        proc.write_text(f"{etc}/machine-id", uuid.uuid4().hex + "\n")
        libvirt = self.backing_of("/etc/libvirt")
        proc.write_text(f"{libvirt}/qemu.conf", QEMU_CONF)
        proc.write_text(f"{libvirt}/libvirt.conf", "")
        proc.write_text(f"{libvirt}/libvirtd.conf", "".join([
            f'host_uuid = "{uuid.uuid4()}"\n', 'auth_unix_rw = "none"\n', 'auth_unix_ro = "none"\n',
            'unix_sock_group = "root"\n', "max_clients = 100\n", "ovs_timeout = 1\n",
            f'log_outputs = "2:file:{LIBVIRTD_LOG}"\n']))
        sessions = {"PATH": self._search_path(), **self.lab.pass_env}
        pairs = " ".join(f'"{key}={value}"' for key, value in sessions.items())
        proc.write_text(f"{etc}/ssh/lab_sshd_config", "\n".join([
            "Port 22", "HostKey /etc/ssh/lab_host_key", "PidFile /run/sshd.pid", "UsePAM no", "UseDNS no", "StrictModes no",
            "PermitRootLogin yes", "PasswordAuthentication no", "PrintMotd no", "MaxStartups 100", "MaxSessions 100",
            "Subsystem sftp internal-sftp", f"SetEnv {pairs}", ""]))
        for path, text in self.lab.keys.files():
            proc.write_text(self.outside(path), text, 0o600)

    def power_on(self):
        """Boot the host and wait until both daemons answer."""
        self.begin_boot()
        self.finish_boot()

    def begin_boot(self):
        if self.is_on():
            return
        script = os.path.join(self.state, "boot.sh")
        proc.write_text(script, self._boot_script())
        console = open(os.path.join(self.state, "console.log"), "ab")
        with console:
            self._booting = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self.netns}", "unshare", "--mount", "--uts", "--ipc", "--pid", "--fork",
                 "--propagation", "private", "/bin/sh", script],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True, cwd="/",
                env={"PATH": self._search_path(), "HOME": "/root", "LANG": "C.UTF-8", **self.lab.pass_env})
        outer = self._booting.pid
        inner = proc.wait_until(f"the first process of host '{self.name}'",
                                lambda: proc.children(outer) or self._fail_if_ended(), 20, pause=0.002)[0]
        proc.write_json(self._power_file(), {"pid": inner, "start": proc.start_time(inner)})

    def finish_boot(self, timeout=60):
        proc.wait_until(f"the boot of host '{self.name}'",
                        lambda: os.path.exists(self.path("/run/lab-booted")) or self._fail_if_ended(), timeout)
        self.wait_for_libvirtd(timeout)

    def wait_for_libvirtd(self, timeout=60):
        """libvirtd accepts before its drivers are ready and then lets a caller wait, so one answer is enough."""
        proc.wait_until(f"libvirtd of host '{self.name}'",
                        lambda: os.path.exists(self.path("/run/libvirt/libvirt-sock")), timeout)
        done = self.run("virsh", "hostname", timeout=timeout)
        if done.returncode != 0:
            raise LabError(f"cannot reach libvirtd of host '{self.name}': {done.stderr.strip()}\n"
                           + proc.tail(self.outside(LIBVIRTD_LOG)))

    def power_off(self, forget=False):
        """Every process of the host dies at once; its files stay. The machine's page cache survives, unlike a real one's; with
        `forget`, what was not synced is gone from the filesystems of `storage.forgetful`."""
        was_on = self.is_on()
        power = proc.read_json(self._power_file(), {})
        kernel.keep_capabilities(self._capabilities(), self.suite)
        proc.end_process(power.get("pid"), power.get("start"))
        if self._booting is not None:
            self._booting.wait(timeout=20)
            self._booting = None
        if was_on:
            self.storage.lose_power(forget)

    def is_on(self):
        power = proc.read_json(self._power_file(), {})
        return bool(power) and proc.start_time(power["pid"]) == power["start"]

    def _fail_if_ended(self):
        if self._booting is not None and self._booting.poll() is not None:
            raise LabError(f"cannot boot host '{self.name}': its first process ended with {self._booting.returncode}\n"
                           + proc.tail(os.path.join(self.state, "console.log")) + "\n"
                           + proc.tail(self.outside(LIBVIRTD_LOG)))
        return None

    def _boot_script(self):
        state = shlex.quote(self.state)
        shares = []
        for share in self.lab.shares:
            for private in PRIVATE_DIRS:
                if share.startswith(private + "/"):
                    place = shlex.quote(self.backing_of(private) + share[len(private):])
                    shares += [f"mkdir -p {place}", f"mount --bind {shlex.quote(share)} {place}"]
        # --rbind carries the shares. /var/tmp last: the state directory itself may lie there.
        binds = [f"mount --rbind {shlex.quote(self.backing_of(path))} {path}" for path in PRIVATE_DIRS]
        script = (self._root_script() if self.suite else "") + BOOT_SCRIPT
        script = script.replace("@SHARES@", "\n".join(shares)).replace("@BINDS@", "\n".join(binds))
        script = script.replace("@MOUNTS@", "\n".join(self.storage.mount_commands()))
        return script.replace("@STATE@", state).replace("@NAME@", self.name).replace("@SSHD_LOG@", SSHD_LOG)

    def _root_script(self):
        """A program of the machine's in bin_dir is covered by the one built for this host's Debian."""
        kept = {self.state: self.state, **{share: share for share in self.lab.shares}}
        program = distro.program_of(self.suite, self.lab.bin_dir)
        if program:
            kept[self.lab.bin_dir] = program
        lines = []
        for place, what in kept.items():
            inside = shlex.quote(f"{self.state}/root{place}")
            lines += [f"mkdir -p {inside}", f"mount --bind {shlex.quote(what)} {inside}"]
        return ROOT_SCRIPT.replace("@KEPT@", "\n".join(lines)).replace("@TREE@", shlex.quote(distro.root_of(self.suite)))

    # ---------------------------------------------------------------- daemons

    def kill_libvirtd(self):
        """SIGKILL for libvirtd alone; its guests run on. Waits until it is gone."""
        pid_file = self.path("/run/libvirtd.pid")
        self.run("sh", "-c", "kill -9 $(cat /run/libvirtd.pid)")
        proc.wait_until(f"the end of libvirtd of host '{self.name}'", lambda: self.run(
            "sh", "-c", "! kill -0 $(cat /run/libvirtd.pid) 2>/dev/null").returncode == 0, 20)
        if os.path.exists(pid_file):
            os.unlink(pid_file)

    def start_libvirtd(self, timeout=60):
        done = self.run("/usr/sbin/libvirtd", "-d", "-f", "/etc/libvirt/libvirtd.conf", timeout=timeout)
        if done.returncode != 0:
            raise LabError(f"cannot start libvirtd of host '{self.name}': {done.stderr.strip()}\n"
                           + proc.tail(self.outside(LIBVIRTD_LOG)))
        self.wait_for_libvirtd(timeout)

    def restart_libvirtd(self):
        """As a crash and a restart by the service manager: SIGKILL, start, wait until it answers."""
        self.kill_libvirtd()
        self.start_libvirtd()

    def tail_of_logs(self):
        return "\n".join(f"== {path}\n{proc.tail(self.outside(path))}" for path in (LIBVIRTD_LOG, SSHD_LOG))

    # ---------------------------------------------------------------- commands and files

    def run(self, *argv, check=False, timeout=60, text=None, env=None, cwd="/root"):
        """Run a command inside the host; CompletedProcess in text. `text` is its stdin. A deadline kills it."""
        process = self.popen(argv, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             stdin=subprocess.PIPE if text is not None else subprocess.DEVNULL)
        try:
            out, err = process.communicate(text, timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate(timeout=20)
            raise LabError(f"cannot run command '{' '.join(argv)}' on host '{self.name}': "
                           f"no end within {timeout} s") from None
        except BaseException:
            process.kill()
            raise
        if check and process.returncode != 0:
            raise LabError(f"cannot run command '{' '.join(argv)}' on host '{self.name}': exit {process.returncode}: "
                           f"{(err or out).strip()[-3000:]}")
        return subprocess.CompletedProcess(argv, process.returncode, out, err)

    def popen(self, argv, env=None, cwd="/root", **options):
        """Start a command inside the host and return at once. Its signals and return code are the command's own."""
        if not self.is_on():
            raise LabError(f"cannot run command '{' '.join(argv)}' on host '{self.name}': the host is off")
        return proc.InsideProcess(self.command(argv, env, cwd), **options)

    def command(self, argv, env=None, cwd="/root"):
        """The machine's command line that runs `argv` inside the host."""
        settings = {"PATH": self._search_path(), "HOME": "/root", "USER": "root", "LANG": "C.UTF-8",
                    "TERM": os.environ.get("TERM", "dumb"), **self.lab.pass_env, **(env or {})}
        return ["nsenter", "-t", str(self.pid()), "-m", "-u", "-i", "-n", "-p", "--", "env", "-i", "-C", cwd,
                *[f"{key}={value}" for key, value in settings.items()], *argv]

    def pid(self):
        """The first process of the host, as the machine sees it."""
        return proc.read_json(self._power_file(), {}).get("pid")

    def path(self, inside):
        """A path of the host as the machine reaches it, while the host is on."""
        return f"/proc/{self.pid()}/root{inside}"

    def write(self, inside, text, mode=0o644):
        """Write a text file of the host, directories included."""
        proc.write_text(self.path(inside), text, mode)

    def read(self, inside):
        with open(self.path(inside), encoding="utf-8", errors="replace") as source:
            return source.read()

    def exists(self, inside):
        return self.run("test", "-e", inside).returncode == 0

    def guest(self, name, **options):
        """Define, boot and await a guest; see guest.Guest.create for the options."""
        from .guest import Guest
        return Guest.create(self, name, **options)

    def uri(self):
        """How another host's libvirt reaches this one."""
        return f"qemu+ssh://root@{self.name}/system"

    def bytes_sent(self):
        return self._counter("tx_bytes")

    def bytes_received(self):
        return self._counter("rx_bytes")

    def _counter(self, name):
        with open(self.path(f"/sys/class/net/eth0/statistics/{name}"), encoding="ascii") as counter:
            return int(counter.read())

    def _search_path(self):
        return f"{self.lab.bin_dir}:{SYSTEM_PATH}" if self.lab.bin_dir else SYSTEM_PATH

    def _power_file(self):
        return os.path.join(self.state, "power.json")

    def backing_of(self, private):
        """Where in the state directory a private directory's contents lie."""
        return os.path.join(self.state, "dirs", private.strip("/").replace("/", "-"))

    def outside(self, inside):
        """A path below a private directory as the machine reaches it, host on or off. Not below a mounted filesystem."""
        for private in PRIVATE_DIRS:
            if inside.startswith(private + "/"):
                return self.backing_of(private) + inside[len(private):]
        return os.path.join(self.state, "etc", os.path.relpath(inside, "/etc"))
