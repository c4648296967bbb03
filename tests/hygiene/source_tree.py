"""What the hygiene tests know about the tree: its files, its modules, C++ without its comments."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Folders of what is built or fetched.
NOT_OURS = {"build", "node_modules", "__pycache__", ".git", ".cache"}

# Folder -> module, the longest match wins. broker/main.cpp is a module of its own.
MODULES = {
    "protocol/base": "base",
    "protocol": "protocol",
    "storage": "storage",
    "config": "config",
    "broker/asio": "asio",
    "broker/json": "json",
    "broker/core": "core",
    "broker/session": "session",
    "broker/links": "links",
    "broker/server": "server",
    "broker/admin": "admin",
    "broker/cli": "cli",
    "broker/main.cpp": "main",
}


def project_files():
    """Paths of all files that belong to the project, relative to ROOT, in order."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others",
         "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        names = [name for name in listed.stdout.split("\0") if name]
    else:  # A tarball knows no .gitignore.
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file()]
        names = [name for name in names if not set(name.split("/")) & NOT_OURS]
    return sorted(pathlib.PurePosixPath(name) for name in set(names) if (ROOT / name).is_file())


def read(path):
    """The text of a project file; None when it is not text."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def cpp_files():
    """All C++ sources and headers."""
    return [path for path in project_files() if path.suffix in (".cpp", ".hpp")]


def module_of(path):
    """The module that a file belongs to, or None: tests and tools belong to none."""
    candidates = [folder for folder in MODULES if f"{path}/".startswith(f"{folder}/")]
    return MODULES[max(candidates, key=len)] if candidates else None


_NOT_CODE = re.compile(
    r"""//[^\n]*            # comment to the end of the line
      | /\*.*?\*/           # comment
      | R"(?P<mark>[^()\s\\]{0,16})\(.*?\)(?P=mark)"   # raw string
      | "(?:\\.|[^"\\\n])*"  # string
      | (?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'  # character, but not the digit separator of 1'000
    """, re.VERBOSE | re.DOTALL)


def code_of(text):
    """C++ with comments and literals blanked; every line keeps its number.

    Paths of includes stay.
    """
    def blank(match):
        found = match.group()
        line_start = text.rfind("\n", 0, match.start()) + 1
        if found.startswith('"') and text[line_start:match.start()].strip() == "#include":
            return found
        return re.sub(r"[^\n]", " ", found)

    return _NOT_CODE.sub(blank, text)


_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def includes_of(text):
    """(line, header, quoted) of each include."""
    code = code_of(text)
    return [(code.count("\n", 0, match.start(2)) + 1, match.group(2), match.group(1) == '"')
            for match in _INCLUDE.finditer(code)]


def finish(problems, checked):
    """Prints what is wrong, or what was looked at. Returns the exit code."""
    for problem in problems:
        print(problem)
    if not checked:
        print("nothing was checked: is this the project's tree?")
        return 1
    print(f"{len(problems)} problems in {checked} checked")
    return 1 if problems else 0


def main(check):
    """Runs check() -> (problems, number checked) as a program."""
    sys.exit(finish(*check()))
