"""How much sound the packets of a coded stream hold, without decoding them.

Those of Vorbis by the modes of its setup header (Vorbis I specification, 4.2.4 and 4.3.8), those of Opus by
their first bytes (RFC 6716, 3.1).
"""

from __future__ import annotations


def block_sizes(identification: bytes, setup: bytes) -> list[int]:
    """Return the block size of each mode of a Vorbis stream, read from the end of its setup header."""
    sizes = (1 << (identification[28] & 15), 1 << (identification[28] >> 4))
    bits = int.from_bytes(setup, "little")
    end = bits.bit_length() - 1  # behind the modes stands one bit, 1
    found: list[int] = []
    counts: dict[int, list[int]] = {}
    while end >= 47 and len(found) < 64:
        end -= 41
        mode = bits >> end
        if mode >> 1 & 0xFFFFFFFF or mode >> 33 & 0xFF > 63:
            break
        found.insert(0, sizes[mode & 1])
        if (bits >> end - 6 & 63) + 1 == len(found):
            counts[len(found)] = list(found)
    return counts[max(counts)] if counts else []


def opus_samples(packet: bytes) -> int:
    """Return how many samples at 48 kHz a packet of Opus holds, by its first two bytes."""
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        one = (480, 960, 1920, 2880)[config & 3]
    elif config < 16:
        one = (480, 960)[config & 1]
    else:
        one = (120, 240, 480, 960)[config & 3]
    count = 1 if code == 0 else 2 if code < 3 else packet[1] & 63 if len(packet) > 1 else 0
    return one * count
