"""What survives the end of the daemon, and what does not: the tests of the storage from outside."""
