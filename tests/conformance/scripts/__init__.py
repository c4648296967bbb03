"""The scripts, one module per subject. Importing a module registers its scripts."""
