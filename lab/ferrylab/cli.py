"""The command line of the lab: one function a subcommand."""

import argparse
import os
import shutil
import signal
import sys

from . import snapshots
from .guest import Guest
from .lab import Lab, lab_names, root_dir
from .proc import LabError
from .storage import LAYOUTS


def main(argv=None):
    options = _parser().parse_args(argv)
    try:
        return options.act(options) or 0
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser():
    parser = argparse.ArgumentParser(prog="lab", description="Real virtualization hosts on one machine, as root.")
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)

    def verb(name, act, text, *arguments):
        sub = verbs.add_parser(name, help=text, description=text)
        sub.add_argument("--lab", default="lab", help="name of the lab (default: lab)")
        for words, settings in arguments:
            sub.add_argument(*words, **settings)
        sub.set_defaults(act=act)

    host = (["host"], {"metavar": "HOST"})
    name = (["name"], {"metavar": "NAME"})
    verb("up", up, "raise the hosts of a lab",
         (["--hosts"], {"default": "alfa,bravo", "help": "their names (default: alfa,bravo); NAME:SUITE is a host of that Debian (bravo:trixie)"}),
         (["--bin"], {"metavar": "DIR", "help": "first in PATH inside the hosts and their ssh sessions"}),
         (["--share"], {"metavar": "DIR", "action": "append", "default": [], "help": "show DIR inside the hosts too"}),
         (["--env"], {"metavar": "KEY=VALUE", "action": "append", "default": [],
                      "help": "environment inside the hosts and their ssh sessions"}))
    verb("at", at, "run a command, or a shell, inside a host", host,
         (["command"], {"metavar": "CMD", "nargs": argparse.REMAINDER}))
    verb("down", down, "end everything of a lab and remove every trace; twice is fine",
         (["which"], {"metavar": "NAME", "nargs": "?"}))
    verb("list", list_labs, "list labs and their hosts")
    verb("power-off", lambda o: _host(o).power_off(), "all processes of a host die at once; its files stay", host)
    verb("power-on", lambda o: _host(o).power_on(), "boot a host again", host)
    verb("kill-libvirtd", lambda o: _host(o).kill_libvirtd(), "SIGKILL for libvirtd; guests run on", host)
    verb("start-libvirtd", lambda o: _host(o).start_libvirtd(), "start libvirtd after kill-libvirtd", host)
    verb("restart-libvirtd", lambda o: _host(o).restart_libvirtd(), "kill libvirtd, start it, wait until it answers", host)
    optional_host = (["host"], {"metavar": "HOST", "nargs": "?"})
    verb("cut", cut, "packets of one host, or of all, vanish", optional_host)
    verb("heal", heal, "undo cut", optional_host)
    verb("link", link, "shape the link; without options show the bytes that crossed it",
         (["--rate"], {"help": "each direction, as tc writes it (100mbit), or none"}),
         (["--delay"], {"metavar": "MS", "help": "refused: needs netem, which the lab does not require"}))
    verb("guest", guest, "make and boot a guest", host, name,
         (["--layout"], {"default": "qcow2", "choices": LAYOUTS}), (["--size"], {"default": "64M", "help": "of each disk"}),
         (["--load"], {"default": "light", "choices": ("idle", "light", "heavy")}),
         (["--place"], {"metavar": "KIND", "help": "put its images on a new filesystem of 1G: xfs, btrfs or ext4"}))
    verb("snapshots", make_snapshots, "make a set of real snapshots of a running guest", host, name,
         (["--set"], {"dest": "which", "required": True, "choices": snapshots.SETS}))
    verb("check", check, "have the guest check all its data", host, name)
    verb("cmd", command, "send words to the program inside the guest", host, name, (["words"], {"metavar": "WORDS"}))
    return parser


def _lab(options):
    return Lab.open(options.lab)


def _host(options):
    return _lab(options).host(options.host)


def _guest(options):
    return Guest(_host(options), options.name)


def up(options):
    pairs = [pair.partition("=") for pair in options.env]
    lab = Lab(options.lab, options.hosts.split(","), options.bin, {key: value for key, _, value in pairs}, options.share)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    lab.up()
    print(f"lab {lab.name}: " + ", ".join(f"{host.name} {host.address}" for host in lab.hosts))


def at(options):
    host = _host(options)
    process = host.popen(options.command or ["/bin/bash"])
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # the terminal has told the command too; it decides
            continue


def down(options):
    name = options.which or options.lab
    state = os.path.join(root_dir(), name)
    if not os.path.isdir(state):
        return
    if not os.path.exists(os.path.join(state, "lab.json")):  # its making ended before anything else was made
        shutil.rmtree(state)
        return
    Lab.open(name).down()


def list_labs(options):
    for name in lab_names():
        try:
            hosts = Lab.open(name).hosts
        except LabError:
            print(f"{name}: unfinished")
            continue
        print(f"{name}: " + ", ".join(f"{host.name} {host.address} {'on' if host.is_on() else 'off'}" for host in hosts))


def cut(options):
    lab = _lab(options)
    lab.link.cut(lab.host(options.host) if options.host else None)


def heal(options):
    lab = _lab(options)
    lab.link.heal(lab.host(options.host) if options.host else None)


def link(options):
    lab = _lab(options)
    if options.delay:
        raise LabError("cannot delay link: this lab shapes with tbf only; netem is absent from many kernels")
    if options.rate:
        lab.link.shape(options.rate)
    print(f"{lab.link.bytes_crossed()} bytes crossed")


def guest(options):
    host = _host(options)
    if options.place:
        host.storage.filesystem(f"/var/lib/libvirt/images/{options.name}", options.place, "1G")
    disks = host.storage.layout(options.name, options.layout, options.size)
    made = host.guest(options.name, disks=disks, load=options.load)
    print(f"guest {made.name} runs on {host.name}")
    for target, path in made.sources().items():
        print(f"  {target} " + " <- ".join(made.backing_chain(target)) if path else "")


def make_snapshots(options):
    made = _guest(options)
    snapshots.make_set(made, options.which)
    print(made.virsh("snapshot-list", made.name, "--tree").rstrip())
    for name, digest in made.digests.items():
        print(f"{name}: " + " ".join(f"{target}={value}" for target, value in digest.items()))


def check(options):
    print(_guest(options).check())


def command(options):
    print(_guest(options).ask(options.words))
