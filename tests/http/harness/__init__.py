"""Machinery of the differential tests of the HTTP API: client, comparison, runner."""
