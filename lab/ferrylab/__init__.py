"""Real hosts, real daemons, real guests on one machine: the lab of virt-ferry. See README.md beside this package."""

from .distro import Unavailable
from .guest import Guest
from .hosts import Host
from .lab import Lab, lab_names
from .proc import LabError
from .storage import Disk
from .watch import Blackout

__all__ = ["Blackout", "Disk", "Guest", "Host", "Lab", "LabError", "Unavailable", "lab_names"]
