"""What a guest's TPM is made to remember, and asked for again (TCG, TPM 2.0 Library, Parts 1 and 3)."""
import struct

from movetest import require

INDEX, OWNER, PCR = 0x01500001, 0x40000001, 16
PASSWORD = struct.pack(">IIHBH", 9, 0x40000009, 0, 0, 0)  # an empty one


def command(code, handles, parameters, session=PASSWORD):
    """A TPM 2.0 command (TCG, Part 1, 18)."""
    body = b"".join(struct.pack(">I", handle) for handle in handles) + session + parameters
    return struct.pack(">HII", 0x8002 if session else 0x8001, 10 + len(body), code) + body


def ask(guest, *words, **more):
    answer = guest.tpm(command(*words, **more))
    require(answer[6:10] == bytes(4), "the TPM answers", answer.hex())
    return answer[10:]


def remember(guest, data):
    public = struct.pack(">IHIHH", INDEX, 0x000B, 0x00060006, 0, len(data))
    ask(guest, 0x12A, [OWNER], struct.pack(">H", 0) + struct.pack(">H", len(public)) + public)  # NV_DefineSpace
    ask(guest, 0x137, [INDEX, INDEX], struct.pack(">H", len(data)) + data + struct.pack(">H", 0))  # NV_Write
    ask(guest, 0x182, [PCR], struct.pack(">IH", 1, 0x000B) + b"ferry".ljust(32))  # PCR_Extend


def permanent(guest, size):
    return ask(guest, 0x14E, [INDEX, INDEX], struct.pack(">HH", size, 0))[6:6 + size]  # NV_Read


def volatile(guest):
    bits = bytes([0, 0, 1])
    return ask(guest, 0x17E, [], struct.pack(">IHB", 1, 0x000B, 3) + bits, session=b"")[-32:]  # PCR_Read
