"""A guest: its domain, its boot, its commands, its snapshots."""

import json
import os
import re
import secrets
import socket
import time
from xml.sax.saxutils import escape, quoteattr

from . import kernel, proc
from .hosts import CONTROL_DIR
from .proc import LabError

OVMF_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
OVMF_VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd"


class Guest:
    """A guest as seen from one host; `at(host)` is the same guest seen from another."""

    def __init__(self, host, name, disks=()):
        self.host = host
        self.name = name
        self.disks = list(disks)
        self.digests = {}  # snapshot name -> digest taken at it

    @classmethod
    def create(cls, host, name, disks=None, load="light", layout="qcow2", transient=False, boot=True, timeout=60, **options):
        """Make the domain, boot it and wait until the program inside is ready.

        disks      Disk objects, vda first; None takes those of `layout`
        load       idle | light | heavy
        options    memory_mib=96 (256 with uefi), beat_ms=10, span=1024 (blocks judged on each disk), ram_mib=8, zero=True (the load also
                   writes zeros), machine="q35", uefi=False (True: OVMF and its variables; "qcow2": these in a qcow2 image, as
                   libvirt from 8.5 on can have; boots in 7 s), tpm=False (emulated by swtpm), devices="" (more device XML)
        """
        guest = cls(host, name, host.storage.layout(name, layout) if disks is None else disks)
        if options.get("uefi") == "qcow2":
            host.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", OVMF_VARS, nvram_path(name), check=True)
        text = domain_xml(name, guest.disks, load, **options)
        if transient and boot:
            guest._boot_and_wait(["create"], text, timeout)
        else:
            guest._virsh_with_xml("define", text)
            if boot:
                guest.start(timeout)
        return guest

    def at(self, host):
        other = Guest(host, self.name, self.disks)
        other.digests = self.digests
        return other

    # ---------------------------------------------------------------- life

    def start(self, timeout=60):
        """Boot the defined domain and wait until the program inside is ready."""
        self._boot_and_wait(["start", self.name], None, timeout)

    def destroy(self):
        """Pull the plug of the guest; its domain stays defined if it was."""
        self.virsh("destroy", self.name)

    def state(self):
        """running, paused, shut off ... as virsh says; absent if libvirt does not know it; unknown if it does not answer."""
        if not self.host.is_on():
            return "unknown"
        try:
            done = self.host.run("virsh", "domstate", self.name, timeout=30)
        except LabError:
            return "unknown"
        if done.returncode == 0:
            return done.stdout.strip()
        return "absent" if "failed to get domain" in done.stderr else "unknown"

    def places(self):
        """Where it is: state by host name, for all hosts of the lab."""
        return {host.name: self.at(host).state() for host in self.host.lab.hosts}

    def _boot_and_wait(self, verb, text, timeout):
        beat = f"{CONTROL_DIR}/{self.name}.beat"
        try:
            before = os.stat(self.host.path(beat)).st_size
        except OSError:
            before = 0
        if text is None:
            self.virsh(*verb, timeout=timeout)
        else:
            self._virsh_with_xml(*verb, text)
        deadline = time.monotonic() + timeout
        while not self._says_ready(beat, before):
            if time.monotonic() > deadline:
                raise LabError(f"cannot boot guest '{self.name}' on host '{self.host.name}': not ready within {timeout} s "
                               f"(state {self.state()})\n" + proc.tail(self.host.path(beat)) + "\n"
                               + proc.tail(self.host.path(f"/var/log/libvirt/qemu/{self.name}.log")))
            time.sleep(0.02)

    def _says_ready(self, beat, before):
        try:
            with open(self.host.path(beat), "rb") as log:
                log.seek(before)
                return b"ready disks=" in log.read(1 << 20)
        except OSError:
            return False

    # ---------------------------------------------------------------- the program inside

    def ask(self, words, timeout=60):
        """Send one command to the program inside and return its answer; the commands are listed in its source.

        Asked while the guest moves, the answer may be lost with the old host's port: a deadline then.
        """
        ident = secrets.token_hex(4)
        deadline = time.monotonic() + timeout
        with socket.socket(socket.AF_UNIX) as port:
            port.settimeout(timeout)
            try:
                port.connect(self.host.path(f"{CONTROL_DIR}/{self.name}.ctl"))
                port.sendall(f"\n{ident} {words}\n".encode())
                received = b""
                while True:
                    port.settimeout(max(0.01, deadline - time.monotonic()))
                    got = port.recv(65536)
                    if not got:
                        raise LabError(f"cannot ask guest '{self.name}' on host '{self.host.name}' to {words}: "
                                       f"its port closed (state {self.state()})")
                    received += got
                    for line in received.decode(errors="replace").replace("\r", "").split("\n")[:-1]:
                        if line.startswith(ident + " "):
                            return line[len(ident) + 1:]
            except TimeoutError:
                raise LabError(f"cannot ask guest '{self.name}' on host '{self.host.name}' to {words}: "
                               f"no answer within {timeout} s (state {self.state()})") from None
            except OSError as error:
                raise LabError(f"cannot ask guest '{self.name}' on host '{self.host.name}' to {words}: "
                               f"{error.strerror} (state {self.state()})") from None

    def check(self, timeout=60):
        """The guest re-reads all it wrote, RAM and disks; raises LabError with its words unless every block is right."""
        answer = self.ask("check", timeout)
        if not answer.startswith("check ok"):
            raise LabError(f"cannot trust guest '{self.name}' on host '{self.host.name}': {answer}")
        return answer

    def put(self, path, data):
        """Write a file of the guest's kernel: a UEFI variable below /sys/firmware/efi/efivars, say."""
        self._obey(f"put {path} {data.hex()}")

    def get(self, path):
        """The bytes of a file of the guest's kernel."""
        return bytes.fromhex(self._obey(f"get {path}")[3:])

    def tpm(self, command):
        """Send one TPM 2.0 command and return the TPM's response, header included."""
        return bytes.fromhex(self._obey(f"trade /dev/tpm0 {command.hex()}")[3:])

    def load(self, mode):
        """Set the load to idle, light or heavy; after idle no write is under way."""
        return self._obey(f"load {mode}")

    def digest(self, timeout=60):
        """Per disk a digest of what the span holds now; ask it while idle. Equal digests, equal contents."""
        answer = self._obey("digest", timeout)
        return dict(word.split("=") for word in answer.split()[1:])

    def stat(self):
        """load, writes, worst_ms (longest write since last asked, guest's clock), faults, and vdX=BLOCKS/SPAN/WRITES."""
        return dict(word.split("=") for word in self._obey("stat").split()[1:])

    def write(self, acts):
        """Do that many random acts on each disk, whatever the load, then flush."""
        return self._obey(f"write {acts}", 120)

    def _obey(self, words, timeout=60):
        answer = self.ask(words, timeout)
        if not answer.startswith("ok"):
            raise LabError(f"cannot have guest '{self.name}' on host '{self.host.name}' {words}: {answer}")
        return answer

    # ---------------------------------------------------------------- libvirt

    def virsh(self, *argv, timeout=60):
        return self.host.run("virsh", *argv, check=True, timeout=timeout).stdout

    def _virsh_with_xml(self, *argv_and_text):
        *argv, text = argv_and_text
        return self.host.run("virsh", *argv, "/dev/stdin", check=True, text=text).stdout

    def sources(self):
        """The file or device that each disk writes now, by target name."""
        table = self.virsh("domblklist", self.name, "--details")
        return dict(match.groups() for match in re.finditer(r"(?m)^\s*(?:file|block)\s+disk\s+(\S+)\s+(\S+)\s*$", table))

    def backing_chain(self, target="vda"):
        """Paths of a disk's layers, top first, as its images say."""
        shown = self.host.run("qemu-img", "info", "-U", "--backing-chain", "--output=json", self.sources()[target], check=True)
        return [layer["filename"] for layer in json.loads(shown.stdout)]

    def snapshot_internal(self, name):
        """An internal snapshot, with RAM if the guest runs. All disks must be qcow2. Keeps the digest taken at it."""
        self._at_rest(name, lambda: self.virsh("snapshot-create-as", self.name, name, timeout=120))

    def snapshot_external(self, name, memory=False):
        """An external snapshot: overlays SOURCE-without-suffix.NAME, and a memory file beside them if asked."""
        specs = []
        for target, source in self.sources().items():
            place = f"{os.path.dirname(source)}/{target}" if not source.startswith("/dev/") else source
            if source.startswith("/srv/dev/"):
                place = f"/var/lib/libvirt/images/{self.name}-{target}"
            specs += ["--diskspec", f"{target},snapshot=external,file={place}.{name}"]
        if memory:
            specs += ["--memspec", f"file={self.memory_path(name)},snapshot=external", "--live"]
        else:
            specs += ["--disk-only"]
        self._at_rest(name, lambda: self.virsh("snapshot-create-as", self.name, name, "--atomic", *specs, timeout=120))

    def memory_path(self, name):
        return f"/var/lib/libvirt/images/{self.name}-{name}.mem"

    def snapshot_revert(self, name, timeout=120):
        """libvirt's own revert; a snapshot with RAM resumes as it was: idle, its digest the one taken at it."""
        self.virsh("snapshot-revert", self.name, name, timeout=timeout)

    def snapshot_names(self):
        return self.virsh("snapshot-list", self.name, "--name", "--topological").split()

    def _at_rest(self, name, act):
        """Stand still around a snapshot, so that its digest is known; then go on with the load there was."""
        if self.state() != "running":
            act()
            return
        before = self.stat()["load"]
        self.load("idle")
        self.digests[name] = self.digest()
        try:
            act()
        finally:
            if self.state() == "running":
                self.load(before)


def domain_xml(name, disks, load="light", memory_mib=None, beat_ms=10, span=1024, ram_mib=8, zero=True, machine="q35",
               uefi=False, tpm=False, devices=""):
    """The domain of a lab guest; see Guest.create for the options."""
    options = (f"ferry.run={secrets.token_hex(6)} ferry.load={load} ferry.beat={beat_ms} ferry.span={span} "
               f"ferry.ram={ram_mib} ferry.zero={int(zero)}")
    drives = "\n".join(disk_xml(name, disk, f"vd{chr(97 + index)}") for index, disk in enumerate(disks))
    memory_mib = memory_mib or (256 if uefi else 96)
    firmware = firmware_xml(name, "qcow2" if uefi == "qcow2" else "raw") if uefi else ""
    if tpm:
        devices += "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"
    return f"""<domain type='{kernel.accelerator()}' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>{escape(name)}</name>
  <memory unit='MiB'>{memory_mib}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='{machine}'>hvm</type>
    {firmware}
    <kernel>{kernel.kernel_path()}</kernel>
    <initrd>{kernel.initramfs_path()}</initrd>
    <cmdline>{escape(kernel.COMMAND_LINE + " " + options)}</cmdline>
  </os>
  <features><acpi/></features>
  <on_reboot>destroy</on_reboot>
  <on_crash>preserve</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
{drives}
    <controller type='usb' model='none'/>
    <serial type='file'><source path='{CONTROL_DIR}/{name}.beat' append='on'/><target port='0'/></serial>
    <serial type='unix'><source mode='bind' path='{CONTROL_DIR}/{name}.ctl'/><target port='1'/></serial>
    <memballoon model='none'/>
    {devices}
  </devices>
{exact_ram(memory_mib) if kernel.accelerator() == "qemu" else ""}
</domain>
"""


def firmware_xml(name, store_format="raw"):
    """OVMF with a variable store of the guest's own, which libvirt makes from the template at the first start if it is raw."""
    if not os.path.exists(OVMF_CODE):
        raise LabError(f"cannot give guest '{name}' firmware: no '{OVMF_CODE}'; install ovmf")
    if store_format == "qcow2":
        return f"<loader readonly='yes' type='pflash'>{OVMF_CODE}</loader><nvram format='qcow2'>{nvram_path(name)}</nvram>"
    return (f"<loader readonly='yes' type='pflash'>{OVMF_CODE}</loader>"
            f"<nvram template='{OVMF_VARS}'>{nvram_path(name)}</nvram>")


def nvram_path(name):
    return f"/var/lib/libvirt/qemu/nvram/{name}_VARS.fd"


def exact_ram(memory_mib):
    """RAM whose size is no multiple of 256 KiB. QEMU before 9.0 loses pages of a TCG guest that migrates: where a block's size is such a
    multiple, it clears the dirty bitmap by whole words and leaves the CPU's TLB believing that the pages are still marked (QEMU commit
    03bfc2188f07 mends it). With another size it goes page by page, which has always been right."""
    kib = memory_mib * 1024 + 8
    words = ("-object", f"memory-backend-ram,id=lab.ram,size={kib * 1024}", "-machine", "memory-backend=lab.ram", "-m", f"size={kib}k")
    return "  <qemu:commandline>" + "".join(f"<qemu:arg value='{word}'/>" for word in words) + "</qemu:commandline>"


def disk_xml(guest, disk, target):
    kind, key = ("block", "dev") if disk.block else ("file", "file")
    driver = disk.driver or f"cache='{disk.cache}' discard='unmap'"
    return (f"    <disk type='{kind}' device='disk'><driver name='qemu' type='{disk.format}' {driver}/>"
            f"<source {key}={quoteattr(disk.path)}>{encryption_xml(disk.secret)}</source>{chain_xml(disk)}"
            f"<target dev='{target}' bus='virtio'/><serial>{escape(guest)[:15]}-{target}</serial>{disk.extra}</disk>")


def encryption_xml(secret):
    return f"<encryption format='luks' engine='qemu'><secret type='passphrase' uuid='{secret}'/></encryption>" if secret else ""


def chain_xml(disk):
    """Images do not say which secret opens them, so libvirt must be told of every layer."""
    told = "<backingStore/>"
    for path, fmt in reversed(disk.layers[1:]):
        told = (f"<backingStore type='file'><format type='{fmt}'/><source file={quoteattr(path)}>{encryption_xml(disk.secret)}"
                f"</source>{told}</backingStore>")
    return told if disk.secret and disk.layers[1:] else ""
