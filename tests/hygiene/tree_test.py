#!/usr/bin/python3
"""Fails when something lies at the top that does not belong there, when a file names places of one
machine, or when a file is a leftover."""

import pathlib
import re

from source_tree import ROOT, main, project_files, read

TOP_LEVEL = {"CMakeLists.txt", "README.md", "broker", "protocol", "storage", "config", "admin-ui",
             "tests", "docker", "scripts", "CHANGELOG.md", "LICENSE", "CMakePresets.json"}
LEFTOVERS = re.compile(r"(~|\.(orig|rej|bak|swp|tmp|log|o|a|so|pyc))$|^core(\.\d+)?$")
UNFINISHED = re.compile(r"\b(?:FIXME|XXX+|HACK)\b|\bTODO\b(?!\(#\d+\))")
# Folders that hold homes and checkouts of many; a path in one of them says nothing of a machine.
SHARED_FOLDERS = {"/", "/home", "/root", "/tmp", "/usr", "/opt", "/srv", "/var", "/mnt", "/src"}
BINARY_MAX_BYTES = 1_000_000


def machine_paths():
    """Matches the places where this checkout and its user live, as no project file should."""
    places = {str(ROOT), str(pathlib.Path.home())}
    places |= {str(parent) for parent in ROOT.parents}
    places -= SHARED_FOLDERS
    return re.compile(r"(?<![\w.\-])(?:" +
                      "|".join(re.escape(place) for place in sorted(places, key=len)[::-1]) +
                      r")(?![\w\-])")


def check():
    """All files of the project."""
    problems = []
    paths = machine_paths()
    files = project_files()
    for path in files:
        if path.parts[0] not in TOP_LEVEL and not path.parts[0].startswith("."):
            problems.append(f"{path}: {path.parts[0]} does not belong at the top")
        if LEFTOVERS.search(path.name):
            problems.append(f"{path}: looks like a leftover")
        text = read(path)
        if text is None:
            if (ROOT / path).stat().st_size > BINARY_MAX_BYTES:
                problems.append(f"{path}: is binary and larger than {BINARY_MAX_BYTES} bytes")
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if paths.search(line):
                problems.append(f"{path}:{number}: names a place of this machine: "
                                f"{paths.search(line).group()}")
            if UNFINISHED.search(line) and path.name != pathlib.Path(__file__).name:
                problems.append(f"{path}:{number}: unfinished without an issue: {line.strip()}")
    return problems, len(files)


if __name__ == "__main__":
    main(check)
