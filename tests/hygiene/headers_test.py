#!/usr/bin/python3
"""Fails when a header does not compile alone, without warnings, or lacks its head comment.

With --fast the compiler stays out of it.
"""

import concurrent.futures
import os
import subprocess
import sys

from source_tree import ROOT, cpp_files, main, module_of, read

FLAGS = ["-std=c++20", "-fsyntax-only", "-x", "c++", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow",
         "-Wconversion", "-Werror", f"-I{ROOT}", "-DBOOST_ASIO_SEPARATE_COMPILATION",
         "-DBOOST_ASIO_NO_DEPRECATED", "-DSPDLOG_FMT_EXTERNAL", "-DSPDLOG_COMPILED_LIB"]


def compile_alone(path):
    """What the compiler says about a file that includes this header twice and nothing else."""
    source = f'#include "{path}"\n#include "{path}"\n'
    compiler = os.environ.get("CXX", "g++")
    result = subprocess.run([compiler, *FLAGS, "-"], input=source, capture_output=True, text=True,
                            check=False)
    if result.returncode == 0:
        return []
    errors = [line for line in result.stderr.splitlines() if "error" in line]
    return [f"{path}: does not compile alone: {'; '.join(errors[:3]) or result.stderr[:300]}"]


def check():
    """All headers of all modules."""
    headers = [path for path in cpp_files() if path.suffix == ".hpp" and module_of(path)]
    problems = []
    for path in headers:
        text = read(path)
        if "#pragma once" not in text:
            problems.append(f"{path}: has no #pragma once")
        if not text.startswith("//"):
            problems.append(f"{path}: does not begin with a comment that says what it is")
    if "--fast" not in sys.argv[1:]:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for found in pool.map(compile_alone, headers):
                problems += found
    return problems, len(headers)


if __name__ == "__main__":
    main(check)
