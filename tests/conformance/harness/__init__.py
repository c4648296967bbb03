"""Machinery of the differential tests: codec, raw connections, transcripts, runner."""
