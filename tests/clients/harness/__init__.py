"""Runs AMQP clients and their own test suites against a broker and reports what became of each test."""
