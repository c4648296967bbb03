#!/usr/bin/python3
"""Runs every hygiene test of this folder; arguments are passed on to each (--fast).

A test is a program named *_test.py that exits with 0 when the tree is clean.
"""

import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent


def main():
    """Returns the exit code."""
    passed = failed = 0
    for test in sorted(FOLDER.glob("*_test.py")):
        result = subprocess.run([sys.executable, test, *sys.argv[1:]], capture_output=True,
                                text=True, check=False)
        if result.returncode == 0:
            passed += 1
            print(f"passed {test.stem}", flush=True)
        else:
            failed += 1
            print(f"FAILED {test.stem}\n{result.stdout}{result.stderr}", flush=True)
    print(f"hygiene: {passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
