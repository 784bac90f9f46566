"""The tools that a user would take instead, each as they are used best: what to do before, and the command that is timed.

Every command ends with the copy on disk: a tool that does not flush by itself is followed by an fdatasync at the far end, through
a connection that is open already.
"""

import shlex

from images import DIRECTORY, lay_old, script

CIPHER = "aes128-gcm@openssh.com"
SSH = f"ssh -c {CIPHER}"
FLUSH = "import os, sys; os.fdatasync(os.open(sys.argv[1], os.O_RDWR))"
NBD_PORT, TLS_PORT = 10809, 10810


class Tool:
    """One way to carry `image` from source to destination. `keeps_old`: it can use what lies there already."""

    name = ""
    ssh = True
    keeps_old = False

    def __init__(self, source, destination, image):
        self.source, self.destination, self.image = source, destination, image
        self.target = image.path

    def prepare(self):
        if self.keeps_old:
            lay_old(self.source, self.destination, self.image, self.target)
        else:
            script(self.destination, f"mkdir -p {DIRECTORY}; rm -f {shlex.quote(self.target)}; sync")

    def act(self):
        self.source.run("sh", "-ec", self.command(), check=True, timeout=1800)
        self.destination.run("python3", "-c", FLUSH, self.target, check=True)

    def command(self):
        raise NotImplementedError(self.name)

    def far(self):
        return f"{self.destination.name}:{shlex.quote(self.target)}"


class Rsync(Tool):
    name, options, keeps_old = "rsync", "", True

    def command(self):
        return f"rsync -e '{SSH}' {self.options} {shlex.quote(self.image.path)} {self.far()}"


class RsyncSparse(Rsync):
    name, options = "rsync -S", "-S"


class RsyncInplace(Rsync):
    name, options = "rsync --inplace", "--inplace"


class Tar(Tool):
    name = "tar -S over ssh"

    def command(self):
        return (f"tar -S -C {DIRECTORY} -c {shlex.quote(self.image.path.rsplit('/', 1)[1])} | "
                f"{SSH} {self.destination.name} tar -S -C {DIRECTORY} -x")


class Scp(Tool):
    name = "scp"

    def command(self):
        return f"scp -q -c {CIPHER} {shlex.quote(self.image.path)} {self.far()}"


class NbdCopy(Tool):
    """nbdcopy from an nbdkit at the source: the destination pulls, which needs an open port."""

    name, ssh = "nbdcopy", False
    uri, server = f"nbd://{{host}}:{NBD_PORT}/", f"-p {NBD_PORT}"

    def prepare(self):
        super().prepare()
        script(self.source, f"nbdkit -P /run/bench-nbdkit.pid -r {self.server} --filter=exitlast file {shlex.quote(self.image.path)}")

    def act(self):
        uri = self.uri.format(host=self.source.name)
        script(self.destination, f"{self.make_target()}; {self.copy(uri)}", timeout=1800)

    def make_target(self):
        return f"truncate -s {self.image_bytes()} {shlex.quote(self.target)}"

    def image_bytes(self):
        return int(self.source.run("stat", "-c", "%s", self.image.path, check=True).stdout)

    def copy(self, uri):
        return f"nbdcopy --flush --destination-is-zero '{uri}' {shlex.quote(self.target)}"


class NbdCopyTls(NbdCopy):
    name = "nbdcopy, TLS"
    uri = f"nbds://ferry@{{host}}:{TLS_PORT}/?tls-psk-file=/srv/bench-keys.psk"
    server = f"-p {TLS_PORT} --tls=require --tls-psk=/srv/bench-keys.psk"

    def prepare(self):
        keys = "ferry:" + "5a" * 32 + "\n"
        for host in (self.source, self.destination):
            host.write("/srv/bench-keys.psk", keys, 0o600)
        super().prepare()


class QemuImg(NbdCopy):
    name = "qemu-img convert"

    def make_target(self):
        return ":"

    def copy(self, uri):
        return f"qemu-img convert -f raw -O raw -W '{uri}' {shlex.quote(self.target)} && python3 -c '{FLUSH}' {shlex.quote(self.target)}"


RIVALS = [Rsync, RsyncSparse, RsyncInplace, Tar, Scp, NbdCopy, NbdCopyTls, QemuImg]
