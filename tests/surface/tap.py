"""Results of a script as the Test Anything Protocol: a sentence each, and what contradicts it."""

import sys

_count = 0
_failed = 0


def ok(sentence, faults=()):
    """The sentence holds if there are no faults; they are told otherwise."""
    global _count, _failed
    _count += 1
    faults = list(faults)
    _failed += bool(faults)
    print(f"{'not ' if faults else ''}ok {_count} - {sentence}")
    for fault in faults:
        print(f"# {fault}")


def skip(sentence, reason):
    global _count
    _count += 1
    print(f"ok {_count} - {sentence} # SKIP {reason}")


def end():
    print(f"1..{_count}")
    sys.exit(1 if _failed else 0)
