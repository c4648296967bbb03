#!/usr/bin/python3
"""Fails when a line, a function or a file is longer than the style allows."""

import re

from source_tree import code_of, main, module_of, project_files, read

LINE_MAX = {".cpp": 100, ".hpp": 100, ".txt": 120, ".cmake": 120, ".sh": 100, ".ts": 100,
            ".py": 160}  # Test scripts carry tables of methods and arguments.
SCRIPT_LINE_MAX = 100
FUNCTION_MAX_LINES = 70
FILE_MAX_LINES = 500
CODE = (".cpp", ".hpp", ".py", ".ts")


def is_generated(path):
    """Made by a program, or recorded."""
    return "generated" in path.parts or path.name == "package-lock.json"


def is_script(path):
    """A program without a suffix."""
    return path.parts[0] in ("scripts", ".ci")


_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", re.MULTILINE)
_NO_FUNCTION = re.compile(r"^\s*(?:inline\s+)?(?:namespace|class|struct|union|enum|extern)\b")


def functions_of(code):
    """(first line, last line, head) of each function body at the level of a namespace or class.

    A brace opens a body when what stands before it, back to the last ; { or }, has a parenthesis.
    """
    code = _DIRECTIVE.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), code)
    scopes = []  # of each open brace: "scope", "body" or "other", its line, its head
    statement_start = 0
    line = 1
    for at, character in enumerate(code):
        if character == "\n":
            line += 1
        elif character == "{":
            head = code[statement_start:at]
            outside = all(kind == "scope" for kind, _, _ in scopes)
            template_free = re.sub(r"^\s*template\s*<[^{;]*?>\s*(?=\w)", "", head)
            if not outside:
                kind = "other"
            elif _NO_FUNCTION.match(template_free):
                kind = "scope"
            else:
                kind = "body" if "(" in head else "other"
            scopes.append((kind, line, head))
            statement_start = at + 1
        elif character == "}":
            if scopes:
                kind, first, head = scopes.pop()
                if kind == "body":
                    yield first, line, " ".join(head.split())
            statement_start = at + 1
        elif character == ";":
            statement_start = at + 1


def file_problems(path, text):
    """What is too long in one file."""
    lines = text.splitlines()
    limit = SCRIPT_LINE_MAX if is_script(path) else LINE_MAX.get(path.suffix)
    for number, line in enumerate(lines, 1):
        if limit and len(line) > limit and "://" not in line:
            yield f"{path}:{number}: {len(line)} columns, more than {limit}"
        if line != line.rstrip() and path.suffix != ".md":
            yield f"{path}:{number}: blanks at the end of the line"
        if "\t" in line and path.suffix in CODE:
            yield f"{path}:{number}: a tab"
    if text and not text.endswith("\n"):
        yield f"{path}: the last line does not end"
    if path.suffix in CODE and len(lines) > FILE_MAX_LINES:
        yield f"{path}: {len(lines)} lines, more than {FILE_MAX_LINES}"
    if path.suffix in (".cpp", ".hpp") and module_of(path):  # Tests list cases.
        for first, last, head in functions_of(code_of(text)):
            if last - first + 1 > FUNCTION_MAX_LINES:
                yield (f"{path}:{first}: a function of {last - first + 1} lines, more than "
                       f"{FUNCTION_MAX_LINES}: {head[-60:]}")


def check():
    """All text files but generated ones."""
    problems = []
    checked = 0
    for path in project_files():
        if is_generated(path) or not (path.suffix in LINE_MAX or is_script(path)):
            continue
        text = read(path)
        if text is None:
            problems.append(f"{path}: is not UTF-8")
            continue
        checked += 1
        problems += file_problems(path, text)
    return problems, checked


if __name__ == "__main__":
    main(check)
