"""Rebuild the packed Fashion-MNIST from the four original files, or check the packed one against them.

    python scripts/pack_fashion_mnist.py FOLDER            # writes src/pellucid/data/packed/fashion-mnist.idx.xz
    python scripts/pack_fashion_mnist.py FOLDER --check    # compares, writes nothing

FOLDER holds the originals as published (Debian: package dataset-fashion-mnist, /usr/share/datasets/fashion-mnist).
The packed file is the four decompressed IDX files, one after the other, compressed together with xz.
"""

import argparse
import gzip
import hashlib
import lzma
import sys
from pathlib import Path

ORIGINALS = {
    "train-images-idx3-ubyte.gz": "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
    "train-labels-idx1-ubyte.gz": "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
    "t10k-images-idx3-ubyte.gz": "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
    "t10k-labels-idx1-ubyte.gz": "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
}
PACKED = Path(__file__).parent.parent / "src/pellucid/data/packed/fashion-mnist.idx.xz"


def originals(folder: Path) -> bytes:
    """Return the four files decompressed, in order; exits when one is not the published file."""
    parts = []
    for name, expected in ORIGINALS.items():
        content = (folder / name).read_bytes()
        found = hashlib.sha256(content).hexdigest()
        if found != expected:
            sys.exit(f"{folder / name} has SHA-256 {found}, not {expected}: it is not the published file")
        parts.append(gzip.decompress(content))
    return b"".join(parts)


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    arguments = parser.parse_args()
    content = originals(arguments.folder)
    if arguments.check:
        # The content is compared, not the compressed bytes: those differ between versions of xz.
        if lzma.decompress(PACKED.read_bytes()) != content:
            sys.exit(f"{PACKED} does not hold the four originals: run this script without --check")
        print(f"{PACKED.name} holds the four originals, {len(content):,} bytes")
        return
    PACKED.parent.mkdir(parents=True, exist_ok=True)
    packed = lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)
    PACKED.write_bytes(packed)
    print(f"{PACKED} written: {len(packed):,} bytes")


if __name__ == "__main__":
    main()
