"""A move that is stopped while a phase of it is under way."""
import json

from movetest import require


def stop_in(guest, destination, phase, sig, *options, act=lambda: None):
    """Starts a move, does `act` while that phase makes progress, sends the mover a signal; its exit code. Shape the link before."""
    mover = guest.host.popen(["virt-ferry", "migrate", "--json", *options, guest.name, destination.uri()],
                             stdout=-1, text=True)
    event = {}
    for line in mover.stdout:
        event = json.loads(line)
        if event["event"] == "progress" and event["phase"] == phase:
            break
    require(event.get("phase") == phase, "the move ended before", phase, event)
    act()
    mover.send_signal(sig)
    mover.stdout.read()
    return mover.wait(timeout=120)
