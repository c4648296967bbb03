"""Plays the conformance scripts and compares what the brokers answered.

    /usr/bin/python3 tests/conformance/run.py                  Leveret beside the recorded RabbitMQ
    /usr/bin/python3 tests/conformance/run.py --live           Leveret beside a RabbitMQ started for it
    /usr/bin/python3 tests/conformance/run.py --record         records RabbitMQ anew (needs no Leveret)
    /usr/bin/python3 tests/conformance/run.py --check-recording   RabbitMQ beside its own recording

LEVERET_BIN names Leveret's binary. README.md of this folder tells the rest.
"""

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent)]

from harness.runner import main  # noqa: E402  (the path has to be set first)

if __name__ == "__main__":
    sys.exit(main(FOLDER))
