"""A filesystem of a host that loses at power off what was never synced: forgetfs of tests/fault over two trees."""

import os
import shlex
import shutil

from .distro import Unavailable
from .proc import LabError, run

OPTIONS = "allow_other,default_permissions"


def program():
    """Where the built forgetfs is: $FERRY_FORGETFS, which the tests set."""
    path = os.environ.get("FERRY_FORGETFS", "")
    if not path or not os.access(path, os.X_OK):
        raise Unavailable("cannot mount a forgetful filesystem: forgetfs is not built ($FERRY_FORGETFS); it needs libfuse3-dev")
    if not os.path.exists("/dev/fuse"):
        raise Unavailable("cannot mount a forgetful filesystem: there is no /dev/fuse")
    return os.path.realpath(path)


def shares():
    """Directories that every host must see for it."""
    try:
        return [os.path.dirname(program())]
    except Unavailable:
        return []


def lay_out(place):
    """The two trees, below `place`."""
    for tree in ("live", "durable"):
        os.makedirs(os.path.join(place, tree))


def mount_line(place, path, device=None):
    """A shell line. With a block device the filesystem has its number: the same after each mount, as a real one has."""
    options = OPTIONS + (f",blkdev,fsname={device}" if device else "")
    return shlex.join([program(), "-o", options, f"{place}/live", f"{place}/durable", path])


def lose_power(place, forget):
    """After the end of its process: what was not synced is gone (forget), or it all reached the disk in time."""
    kept, lost = ("durable", "live") if forget else ("live", "durable")
    shutil.rmtree(f"{place}/{lost}")
    run("cp", "--archive", "--sparse=always", "--reflink=auto", f"{place}/{kept}", f"{place}/{lost}", timeout=120)


def order(path, text=""):
    """Have operations below the mounted `path` fail, see tests/fault/trouble.h; an empty text ends it."""
    try:
        os.setxattr(path, "user.forgetfs", text.encode())
    except OSError as error:
        raise LabError(f"cannot order faults of filesystem '{path}': {error.strerror}") from None


def failed(path):
    """How many operations were failed since the last order."""
    return int(os.getxattr(path, "user.forgetfs"))
