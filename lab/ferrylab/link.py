"""The network between hosts: a bridge in a namespace of its own, one veth pair a host; cut, shape, count, capture."""

import json
import os
import signal
import struct
import subprocess
import time
from collections import namedtuple

from . import proc
from .proc import LabError, run

BRIDGE = "br0"
DRAIN_S = 0.2
Connection = namedtuple("Connection", "src dst port bytes")


class Link:
    def __init__(self, lab):
        self.lab = lab
        self.netns = f"ferry-{lab.name}-net"

    def raise_up(self):
        """Make the namespaces and cables of all hosts. `ip netns add` sets up a shared mount once: one at a time."""
        hosts = self.lab.hosts
        for name in [self.netns, *[host.netns for host in hosts]]:
            run("ip", "netns", "add", name)
        self._batch(self.netns, [f"link add {BRIDGE} type bridge stp_state 0 mcast_snooping 0", f"link set {BRIDGE} up",
                                 *[f"link add {h.name} type veth peer name eth0 netns {h.netns}" for h in hosts],
                                 *[f"link set {h.name} master {BRIDGE} up" for h in hosts]])
        for host in hosts:
            self._batch(host.netns, ["link set lo up", f"addr add {host.address}/24 dev eth0", "link set eth0 up"])

    def tear_down(self):
        """Remove this lab's namespaces, and with them the cables. Whoever still runs in them is ended, by its id."""
        names = self._namespaces()
        proc.wait_until(f"the end of all processes of lab '{self.lab.name}'", lambda: not self._end_inhabitants(names), 30)
        for name in names:
            run("ip", "netns", "del", name)

    @staticmethod
    def _end_inhabitants(names):
        """End all processes found in the namespaces; true if there were any: one may have forked meanwhile."""
        found = [int(pid) for name in names for pid in run("ip", "netns", "pids", name, check=False).stdout.split()]
        for pid in found:
            proc.end_process(pid, proc.start_time(pid))
        return bool(found)

    def _namespaces(self):
        try:
            existing = set(os.listdir("/run/netns"))
        except OSError:
            return []
        return [name for name in [self.netns, *[host.netns for host in self.lab.hosts]] if name in existing]

    def cut(self, host=None):
        """Packets of a host (of all hosts) vanish from now on, without a word to either end, as at a dead switch."""
        self._batch(self.netns, [f"link set {h.name} nomaster" for h in self._chosen(host)])

    def heal(self, host=None):
        self._batch(self.netns, [f"link set {h.name} master {BRIDGE}" for h in self._chosen(host)])

    def shape(self, rate=None):
        """Limit each direction to a rate as tc writes it ("100mbit"); None or "none" lifts the limit."""
        for host in self.lab.hosts:
            run("tc", "-n", host.netns, "qdisc", "del", "dev", "eth0", "root", check=False)
            if rate not in (None, "none"):
                # A burst below one GSO packet (64 KiB) would let nothing through.
                run("tc", "-n", host.netns, "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", rate,
                    "burst", "256k", "latency", "200ms")

    def bytes_crossed(self):
        """Bytes that all hosts have put on the link since it is up, headers included."""
        shown = run("ip", "-n", self.netns, "-s", "-j", "link", "show")
        names = {host.name for host in self.lab.hosts}
        return sum(link["stats64"]["rx"]["bytes"] for link in json.loads(shown.stdout) if link["ifname"] in names)

    def _chosen(self, host):
        return [host] if host is not None else self.lab.hosts

    def _batch(self, netns, lines):
        run("ip", "-n", netns, "-batch", "-", text="\n".join(lines) + "\n")


class Capture:
    """Context manager: all packets of the first host's port, then what they were. Headers only are kept."""

    def __init__(self, lab, host=None):
        self.lab = lab
        self.host = host or lab.hosts[0]
        self.path = os.path.join(lab.state, f"capture-{os.getpid()}-{id(self):x}.pcap")
        self._tcpdump = None

    def __enter__(self):
        # -Z root: else tcpdump becomes a user who may not write here.
        self._tcpdump = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{self.lab.link.netns}", "tcpdump", "-i", self.host.name, "-s", "96", "-B", "16384",
             "-n", "--immediate-mode", "-U", "-Z", "root", "-w", self.path], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        line = self._tcpdump.stderr.readline()
        while line and "listening on" not in line:
            line = self._tcpdump.stderr.readline()
        if not line:
            raise LabError(f"cannot capture link of host '{self.host.name}': tcpdump ended")
        return self

    def __exit__(self, *failure):
        # What the kernel still holds for tcpdump at its end is lost: immediate mode, and a moment to drain.
        time.sleep(DRAIN_S)
        self._tcpdump.send_signal(signal.SIGINT)
        try:
            self._tcpdump.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self._tcpdump.kill()
            self._tcpdump.communicate()
        return False

    def connections(self):
        """Every TCP connection seen: who opened it (src), to whom (dst), which port there, bytes of payload both ways."""
        opened, payload = {}, {}
        for source, sport, target, dport, flags, size in self._tcp_packets():
            pair = frozenset([(source, sport), (target, dport)])
            payload[pair] = payload.get(pair, 0) + size
            if flags & 0x12 == 0x02:
                opened[pair] = (source, target, dport)
            elif pair not in opened:  # begun before the capture: the lower port serves
                opened[pair] = (source, target, dport) if dport < sport else (target, source, sport)
        names = {host.address: host.name for host in self.lab.hosts}
        return sorted(Connection(names.get(s, s), names.get(d, d), port, payload[pair])
                      for pair, (s, d, port) in opened.items())

    def _tcp_packets(self):
        with open(self.path, "rb") as pcap:
            pcap.read(24)
            while True:
                head = pcap.read(16)
                if len(head) < 16:
                    return
                kept = struct.unpack("<IIII", head)[2]
                frame = pcap.read(kept)
                if len(frame) < 54 or frame[12:14] != b"\x08\x00" or frame[23] != 6:
                    continue
                words = (frame[14] & 15) * 4
                total = struct.unpack("!H", frame[16:18])[0]
                tcp = frame[14 + words:]
                sport, dport = struct.unpack("!HH", tcp[:4])
                size = max(0, total - words - (tcp[12] >> 4) * 4)
                yield (".".join(map(str, frame[26:30])), sport, ".".join(map(str, frame[30:34])), dport, tcp[13], size)
