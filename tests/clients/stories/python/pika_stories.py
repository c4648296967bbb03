"""Stories of pika, mostly of its blocking connection. Each subject is a module of its own."""

import pika_connections  # noqa: F401  (the stories are told because their modules are read)
import pika_consuming  # noqa: F401
import pika_publishing  # noqa: F401
import pika_streams  # noqa: F401

from story import tell_all

tell_all()
