"""After a fault: hosts are brought back, `status` is followed, and the questions are asked. One judge for all faults."""
import random
import re
from dataclasses import dataclass, field

from injections import Moment, strike
from scene import (DEADLINE_S, IMAGES, Ferry, LabError, files_below_of, halt, locks_held, moves_of, oldest, require, running_at,
                   state_of, status, wait_until)

TOLD = re.compile(r"check BAD cannot (read|write|flush|zero) disk=\S+( block=\d+)?: Input/output error")
BROKEN = re.compile(r"Sanitizer|runtime error:|CRITICAL|WARNING \*\*")
ATTEMPTS = 6


@dataclass
class Case:
    """One fault at one record: what was done, and what was seen."""
    fault: object
    record: int
    words: str  # the record's kind, of a phase its name
    seed: int
    later_s: float = None  # None: the dice decide
    flushed: dict = None   # generation per disk: nothing older may be found
    lived_at: object = None
    code: int = None       # of the run that was struck
    steps: list = field(default_factory=list)
    started: bool = False  # by us, since the fault had ended the guest

    @property
    def name(self):
        return f"{self.fault.name} at {self.record} {self.words}" + (f" +{self.later_s * 1000:.0f} ms" if self.later_s else "")


def inject(scene, case):
    """False: the move was over before the record, or there was nothing to hit; then it has come to its own end."""
    dice = random.Random(case.seed)
    by_dice = dice.uniform(0.03, 0.6) if dice.random() < 0.5 else 0
    case.later_s = by_dice if case.later_s is None else case.later_s
    scene.known_moves = {move["id"] for move in moves_of(scene.here)}
    run = Ferry(scene.here, "migrate", "--json", *scene.options, scene.guest.name, scene.there.uri(), halt=halt(case.record))
    hit = False
    try:
        run.wait_stopped()
        witness(scene, case)
        hit = strike(case.fault, Moment(scene, run, dice), case.later_s)
    except AssertionError as ended:
        require("ended before it was to be stopped" in str(ended) and "exit 0" in str(ended), "before the fault:", ended)
    finally:
        run.go_on_if_there()
    ended = run.end(timeout=DEADLINE_S)
    case.code = ended.code
    hit = hit and case.fault.struck(scene)
    case.fault.heal(scene)
    is_an_end(ended, *((-9, 137) if case.fault.ends_tool else ()))
    return hit


def is_an_end(ended, *more):
    """Its exit code is one of the manual's, and it did not break."""
    require(ended.code in (0, 2, 3, 4, 5, 6, *more) and not BROKEN.search(ended.stderr), "virt-ferry broke:", ended)


def witness(scene, case):
    """All of the span is written anew and flushed; the load goes on."""
    places = running_at(scene)
    require(len(places) == 1, "at the record the guest runs at", places)
    case.lived_at = places[0]
    there = scene.guest.at(case.lived_at)
    require(there.ask("fill").startswith("ok"), "the guest cannot write at the record")
    case.flushed = oldest(there)


# ---------------------------------------------------------------- the way to the end

def new_move(scene):
    found = [move for move in moves_of(scene.here) if move["id"] not in scene.known_moves]
    require(len(found) <= 1, "moves:", found)
    return found[0] if found else None


def follow(scene, case):
    """What `status` names next, until it is content. Returns what it says of the move, None if there is none."""
    for _ in range(ATTEMPTS):
        move = new_move(scene)
        if move is None or move["state"] in ("done", "undone"):
            return move
        require("next" in move, "nobody is told what to do:", move)
        words = move["next"].split()[1:]
        code = step(scene, case, *words)
        if code in (0, 3):
            continue
        if start_again(scene, case):
            continue
        if words[0] == "resume" and code in (2, 4):  # it says "(or abort)"
            step(scene, case, "abort", *words[1:])
    raise AssertionError(f"no whole end after {case.steps}: {new_move(scene)}")


def step(scene, case, *words):
    ended = Ferry(scene.here, words[0], "--json", *words[1:]).end(timeout=DEADLINE_S)
    case.steps.append(f"{words[0]}:{ended.code}")
    is_an_end(ended)
    case.last_words = str(ended)
    return ended.code


def start_again(scene, case):
    """A guest that the fault ended is started where it is, as a user would; one that stands for want of space goes on."""
    for host in scene.lab.hosts:
        there = scene.guest.at(host)
        state, other = there.state(), [state_of(scene.guest, h) for h in scene.lab.hosts if h is not host]
        if state == "paused" and case.fault.pauses_guest and "running" not in other:
            host.run("virsh", "resume", there.name)
            return True
        if state in ("shut off", "crashed") and other == ["absent"]:
            may_be_ended(scene, case, host)
            there.start()
            case.started = True
            return True
    return False


def may_be_ended(scene, case, host):
    side = "here" if host is scene.here else "there"
    require(case.fault.kills_guest_at == side, f"the guest was ended at the {side} side, which this fault does not do")


# ---------------------------------------------------------------- the questions

def judge(scene, case):
    """Asks all of them; returns the name of the end. The scene is ready for another fault then."""
    move = follow(scene, case)
    moved = move is not None and move["state"] == "done"
    host, other = (scene.there, scene.here) if moved else (scene.here, scene.there)
    guest = scene.guest.at(host)
    require(state_of(guest, other) == "absent", f"at {other.name} the guest is", state_of(guest, other), "and", move)
    if guest.state() != "running":
        require(guest.state() in ("shut off", "paused", "crashed"), f"at {host.name} the guest is", guest.state(), "and", move)
        if guest.state() == "shut off":
            images_are_sound(scene, host)
        require(start_again(scene, case), "the guest cannot be started:", guest.state())
    judge_data(scene, case, guest)
    judge_status(scene, move, moved)
    if moved:
        require(step(scene, case, "cleanup", move["id"]) == 0, "cleanup failed:", case.last_words)
        require(files_below_of(scene.here, IMAGES) == set(), "cleanup left", files_below_of(scene.here, IMAGES))
    judge_traces(scene, guest)
    if moved:
        scene.turn_round()
    scene.guest = scene.guest.at(scene.here)
    return ("moved" if moved else "stayed") + (", started again" if case.started else "")


def images_are_sound(scene, host):
    for path in files_below_of(host, IMAGES):
        if path.endswith(".qcow2"):
            done = host.run("qemu-img", "check", "-q", "-f", "qcow2", path)
            require(done.returncode in (0, 3), path, "is not sound:", done.stdout, done.stderr)  # 3: leaked clusters only


def judge_data(scene, case, guest):
    """No acknowledged write is missing: by the guest's own RAM, and when that is gone, by what was flushed before the fault."""
    said = guest.ask("check")
    if case.fault.tells_guest and TOLD.search(said):
        guest.destroy()
        guest.start()
        said = guest.ask("check")
    require(said.startswith("check ok"), "the guest says", said)
    now = oldest(guest)
    require(case.flushed is None or all(now[disk] >= gen for disk, gen in case.flushed.items()),
            "flushed writes are missing: the oldest block was of", case.flushed, "and is of", now)
    require(scene.snapshot_facts(guest) == scene.snapshots, "snapshots changed")


def judge_status(scene, move, moved):
    if move is None:
        return
    said = status(scene.here, move["id"])
    require(said["state"] == ("done" if moved else "undone"), "status says", said)
    require(("next" in said) == moved, "status says", said)


def judge_traces(scene, guest):
    """No stray process, socket, cap, partial or lock; the chain is the one there was, and no job is left."""
    try:
        wait_until("the end of all agents", lambda: not any(scene.strays(host) for host in scene.lab.hosts), 30)
    except LabError:
        raise AssertionError(f"left behind: { {host.name: scene.strays(host) for host in scene.lab.hosts} }") from None
    chain = {target: scene.chain_now(guest, target) for target in guest.sources()}
    require(chain == scene.chain, "its chain became", chain)
    files = {host.name: files_below_of(host, IMAGES) for host in scene.lab.hosts}
    require(files == {host.name: scene.files if host is guest.host else set() for host in scene.lab.hosts}, "files:", files)
    for host in scene.lab.hosts:
        require(locks_held(host) == [], f"locks held at {host.name}:", locks_held(host))
    job = guest.virsh("domjobinfo", guest.name)
    require("None" in job, "a job of the guest is left:", job)
