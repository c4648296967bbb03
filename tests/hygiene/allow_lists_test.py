#!/usr/bin/python3
"""Fails when a library or a word of the language is used where the architecture keeps it out."""

import re

from source_tree import ROOT, code_of, cpp_files, includes_of, main, module_of, read

# Headers that begin so -> modules that may include them.
LIBRARIES = {
    "boost/asio": {"asio", "server", "links", "admin", "cli"},
    "boost/beast": {"admin"},
    "boost/json": {"json", "core", "admin", "cli"},
    "spdlog/": {"server", "admin", "main"},
    "fmt/": {"server", "admin", "main"},
    "yaml-cpp/": {"config"},
    "CLI/": {"cli", "main"},
    "openssl/": {"core", "session", "server", "links", "admin", "cli"},
    "pcre2": {"core"},
    "isa-l": {"storage"},
    "systemd/": {"server"},
}

# These know no socket, no file and no terminal. The storage has its file seam; threads are listed
# with the locks.
PURE_MODULES = {"base", "protocol", "core", "session"}
IMPURE_HEADERS = ("sys/", "netinet/", "arpa/", "net/", "unistd.h", "fcntl.h", "poll.h", "netdb.h",
                  "csignal", "signal.h", "future", "stop_token", "semaphore", "iostream",
                  "fstream", "filesystem", "boost/thread")

# Word -> modules that may use it.
WORDS = {
    "co_await": {"admin"},
    "co_return": {"admin"},
    "co_yield": {"admin"},
    "throw": {"config"},
}

LOCKS = re.compile(r"\bstd::(?:j?thread|this_thread|call_once|condition_variable\w*|atomic\w*)\b"
                   r"|\bstd::(?:recursive_|shared_|timed_)*mutex\b|\bvolatile\b"
                   r"|\bboost::atomic\w*\b|\bpthread_\w+\b")
LOCKS_FILE = ROOT / "tests" / "hygiene" / "locks_and_atomics.txt"


def allowed_locks():
    """Files that may know of other threads, from the list: path, colon, reason."""
    lines = LOCKS_FILE.read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))


def library_problems(path, module, text):
    """Headers of libraries that this module may not know."""
    for line, header, quoted in includes_of(text):
        if quoted:
            continue
        for prefix, modules in LIBRARIES.items():
            if header.startswith(prefix) and module not in modules:
                yield f"{path}:{line}: <{header}> belongs to {', '.join(sorted(modules))} only"
        if module in PURE_MODULES and any(
                header == name or (name.endswith("/") and header.startswith(name))
                for name in IMPURE_HEADERS):
            yield f"{path}:{line}: {module} knows no socket, file or terminal, but includes <{header}>"


def word_problems(path, module, code):
    """Words of the language that this module may not use."""
    for word, modules in WORDS.items():
        if module in modules:
            continue
        for match in re.finditer(rf"\b{word}\b", code):
            line = code.count("\n", 0, match.start()) + 1
            yield f"{path}:{line}: {word} belongs to {', '.join(sorted(modules))} only"


def clock_problems(path, module, code):
    """Time comes through the Clock, or the broker cannot run in a simulator."""
    if module not in PURE_MODULES:
        return
    for match in re.finditer(r"\b(?:steady|system|high_resolution)_clock::now\b"
                             r"|\bstd::time\b|\bclock_gettime\b|\bgettimeofday\b", code):
        line = code.count("\n", 0, match.start()) + 1
        yield f"{path}:{line}: {match.group()} in {module}; the time is handed in"


def check():
    """All files of all modules."""
    problems = []
    checked = 0
    allowed = allowed_locks()
    used = set()
    for path in cpp_files():
        module = module_of(path)
        if module is None:
            continue
        checked += 1
        text = read(path)
        code = code_of(text)
        problems += library_problems(path, module, text)
        problems += word_problems(path, module, code)
        problems += clock_problems(path, module, code)
        lock = LOCKS.search(code)
        if lock:
            used.add(str(path))
            if str(path) not in allowed:
                line = code.count("\n", 0, lock.start()) + 1
                problems.append(f"{path}:{line}: {lock.group()}; {LOCKS_FILE.name} lists the files "
                                "that may")
    for path in sorted(set(allowed) - used):
        problems.append(f"{LOCKS_FILE.name}: {path} needs no entry")
    return problems, checked


if __name__ == "__main__":
    main(check)
