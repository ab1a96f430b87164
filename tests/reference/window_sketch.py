"""What ext/window_key.h and ext/window_sketch.h do: hashes, and distinct sources."""

M64 = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
REGISTERS = 1024
LINEAR_MAX = 8192
#: Largest number of sources that a whole register's rank tells apart.
RANK_MAX = 32


def mix(x: int) -> int:
    """splitmix64's finaliser."""
    x &= M64
    x ^= x >> 30
    x = x * 0xBF58476D1CE4E5B9 & M64
    x ^= x >> 27
    x = x * 0x94D049BB133111EB & M64
    return x ^ (x >> 31)


def seeds_of(time_ns: int) -> list[int]:
    """Return the key of a capture whose first frame came at `time_ns`."""
    word = mix(time_ns + 0x77696E646F777321)
    seeds = []
    for _ in range(5):
        word = mix(word + GOLDEN)
        seeds.append(word)
    return seeds


def keyed_hash(seeds: list[int], address: bytes) -> int:
    words = [int.from_bytes(address[i : i + 4], "little") for i in range(0, 16, 4)]
    sums = [word + seed for word, seed in zip(words, seeds[:4], strict=True)]
    return mix(seeds[4] + sums[0] * sums[1] + sums[2] * sums[3])


def plain_hash(address: bytes) -> int:
    high = int.from_bytes(address[:8], "little")
    low = int.from_bytes(address[8:], "little")
    return mix(high ^ mix(low ^ mix(8)))


def estimate(bits: int, places: int) -> int:
    """Expected draws that fill `bits` of `places` places."""
    return sum((places << 16) // (places - k) for k in range(bits)) >> 16


class Distinct:
    """How many different addresses, by both sketches."""

    def __init__(self) -> None:
        self.bits: set[int] = set()
        self.ranks: dict[int, int] = {}

    def add(self, address: bytes, seeds: list[int]) -> None:
        self.bits.add(plain_hash(address) % 2048)
        text = f"{keyed_hash(seeds, address):064b}"
        place, rest = int(text[:10], 2), text[10:]
        rank = min(len(rest) - len(rest.lstrip("0")) + 1, RANK_MAX)
        self.ranks[place] = max(self.ranks.get(place, 0), rank)

    def keyed(self) -> int:
        ranks = [self.ranks.get(place, 0) for place in range(REGISTERS)]
        scale = (7213 * REGISTERS**3 // (10 * (1000 * REGISTERS + 1079))) << 32
        raw = scale // sum(1 << (32 - rank) for rank in ranks)
        if raw <= REGISTERS * 5 // 2 and 0 in ranks:
            return estimate(len(self.ranks), REGISTERS)
        return raw

    def count(self) -> int:
        linear, keyed = estimate(len(self.bits), 2048), self.keyed()
        agree = keyed <= linear + linear // 4 + 16 and linear <= keyed + keyed // 4 + 16
        return linear if agree and linear <= LINEAR_MAX else keyed
