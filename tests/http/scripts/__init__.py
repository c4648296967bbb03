"""The scripts, a module per subject."""
