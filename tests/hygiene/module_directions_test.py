#!/usr/bin/python3
"""Fails when a module includes or links what it may not know.

The table is the architecture's: one line per module, everything else is forbidden.
"""

import re

from source_tree import ROOT, cpp_files, includes_of, main, module_of, project_files, read

# Module -> modules whose headers it may include. Everybody may include its own and base.
MAY_INCLUDE = {
    "base": set(),
    "asio": set(),
    "json": set(),
    "protocol": set(),
    "storage": set(),
    "config": set(),
    "core": {"protocol", "storage"},
    "session": {"core", "protocol"},
    "links": {"core", "protocol"},
    "server": {"session", "links", "core", "protocol", "storage", "config"},
    "admin": {"core", "protocol", "config"},
    "cli": {"core", "storage", "protocol", "config"},
    "main": {"server", "admin", "cli", "config"},
}
# The only way from the admin module to the broker.
ADMIN_SEES_OF_CORE = {"broker/core/control_port.hpp"}

# Module -> what its library may name in its link line.
MAY_LINK = {
    "base": {"Boost::headers", "tl::expected"},
    "asio": {"leveret_base"},
    "json": {"leveret_base"},
    "protocol": {"leveret_base"},
    "storage": {"leveret_base", "PkgConfig::ISAL"},
    "config": {"leveret_base", "yaml-cpp"},
    "core": {"leveret_protocol", "leveret_storage", "leveret_json", "PkgConfig::PCRE2",
             "OpenSSL::Crypto"},
    "session": {"leveret_core", "leveret_protocol"},
    "links": {"leveret_core", "leveret_protocol", "leveret_asio", "Threads::Threads", "OpenSSL::SSL"},
    "server": {"leveret_session", "leveret_links", "leveret_core", "leveret_storage", "leveret_config",
               "leveret_asio", "spdlog::spdlog", "Threads::Threads", "OpenSSL::SSL", "PkgConfig::SYSTEMD"},
    "admin": {"leveret_core", "leveret_protocol", "leveret_config", "leveret_asio", "leveret_json",
              "Threads::Threads", "OpenSSL::SSL", "ZLIB::ZLIB"},
    "cli": {"leveret_core", "leveret_storage", "leveret_protocol", "leveret_config", "leveret_asio",
            "CLI11::CLI11", "Threads::Threads", "OpenSSL::SSL"},
}


def include_problems():
    """Includes that go the wrong way, and the number of files looked at."""
    problems = []
    checked = 0
    for path in cpp_files():
        module = module_of(path)
        if module is None:
            continue
        checked += 1
        for line, header, quoted in includes_of(read(path)):
            if not quoted:
                continue
            place = f"{path}:{line}"
            target = module_of(header)
            if not (ROOT / header).is_file() or target is None:
                problems.append(f"{place}: {header} is no header of a module, seen from the root")
            elif target not in MAY_INCLUDE[module] | {module, "base"}:
                problems.append(f"{place}: {module} may not include {header} of {target}")
            elif module == "admin" and target == "core" and header not in ADMIN_SEES_OF_CORE:
                problems.append(f"{place}: admin may not include {header}, only "
                                f"{', '.join(ADMIN_SEES_OF_CORE)}")
    return problems, checked


_LIBRARY = re.compile(r"^\s*leveret_library\(\s*leveret_(\w+)\s*(?:LINKS\s+([^)]*))?\)",
                      re.MULTILINE)


def link_problems():
    """Link lines that name too much, and modules that link by another door."""
    problems = []
    seen = set()
    for path in project_files():
        if path.name != "CMakeLists.txt":
            continue
        text = re.sub(r"#[^\n]*", "", read(path))
        for match in _LIBRARY.finditer(text):
            module, links = match.group(1), (match.group(2) or "").split()
            seen.add(module)
            if module not in MAY_LINK:
                problems.append(f"{path}: leveret_{module} is not a module of the table")
                continue
            for link in sorted(set(links) - MAY_LINK[module]):
                problems.append(f"{path}: {module} may not link {link}")
        for match in re.finditer(r"target_link_libraries\(\s*leveret_(\w+)", text):
            if match.group(1) in MAY_LINK:
                problems.append(f"{path}: leveret_{match.group(1)} links outside of its one line")
    for folder in {module_of(path) for path in cpp_files()} - {None, "main"} - seen:
        problems.append(f"module {folder} has sources but no leveret_library")
    return problems, len(seen)


def check():
    """Both halves."""
    include_found, files = include_problems()
    link_found, libraries = link_problems()
    return include_found + link_found, files + libraries


if __name__ == "__main__":
    main(check)
