#!/usr/bin/python3
"""Fails when the generated codec is not what the generator makes of the table today.

Run it from anywhere; it exits with 1 and names the files that differ.
"""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
GENERATOR = ROOT / "protocol" / "codegen" / "generate.py"


def main():
    check = subprocess.run([sys.executable, GENERATOR, "--check"], check=False)
    if check.returncode != 0:
        print("Run protocol/codegen/generate.py and commit what it writes.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
