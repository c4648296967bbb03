"""Plays scripts of HTTP requests and compares what the brokers answer.

    /usr/bin/python3 tests/http/run.py                     Leveret beside the recorded RabbitMQ
    /usr/bin/python3 tests/http/run.py --record            records RabbitMQ anew (needs no Leveret)
    /usr/bin/python3 tests/http/run.py --check-recording   RabbitMQ beside its own recording

LEVERET_BIN names Leveret's binary. README.md of this folder tells the rest.
"""

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parent)]

from harness.runner import main  # noqa: E402  (the path has to be set first)

if __name__ == "__main__":
    sys.exit(main(FOLDER))
