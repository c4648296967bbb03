"""File systems of a test's own: a small one in memory, and a disk that can be photographed while it is written to."""

import contextlib
import os
import shutil
import subprocess
import tempfile

from .faults import missing_tool

MIB = 2**20


def _run(*command):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stdout.strip()}")
    return done.stdout.strip()


def why_no_mounts(*tools):
    """Why nothing can be mounted here; empty when it can."""
    if os.geteuid() != 0:
        return "only root may mount"
    return missing_tool("mount", "umount", *tools)


@contextlib.contextmanager
def mounted(source, folder, *options):
    """Mounts, and unmounts at the end whatever happened. A `source` that is a file becomes a loop device."""
    os.makedirs(folder, exist_ok=True)
    _run("mount", *options, source, folder)
    try:
        yield folder
    finally:
        try:
            _run("umount", folder)
        except OSError:
            _run("umount", "--lazy", folder)  # Goes as soon as nobody uses it any more.


@contextlib.contextmanager
def small_disk(size_bytes):
    """A file system in memory that holds so much."""
    folder = tempfile.mkdtemp(prefix="leveret-tmpfs-")
    try:
        with mounted("tmpfs", folder, "-t", "tmpfs", "-o", f"size={size_bytes}"):
            yield folder
    finally:
        os.rmdir(folder)


class PhotographedDisk:
    """An ext4 file system in an image file on an XFS file system that shares blocks between copies.

    A copy of the image is what the disk would hold if the power failed at that moment: what was not yet handed to the
    disk is not in it. Use it as a context manager; `folder` is where the file system is mounted.
    """

    def __init__(self, size_bytes, copies_bytes):
        self._size_bytes = size_bytes
        self._copies_bytes = copies_bytes
        self._stack = contextlib.ExitStack()
        self._base = ""
        self.folder = ""

    @staticmethod
    def why_not():
        """Why there is no such disk here; empty when there is."""
        reason = why_no_mounts("losetup", "mkfs.xfs", "mkfs.ext4")
        if reason:
            return reason
        try:
            with PhotographedDisk(16 * MIB, 0) as disk:
                disk.photograph("probe")
        except OSError as error:
            return str(error)
        return ""

    def __enter__(self):
        try:
            self._base = tempfile.mkdtemp(prefix="leveret-disk-")
            self._stack.callback(shutil.rmtree, self._base, ignore_errors=True)
            outer = self._path("outer.img")
            self._make_file(outer, max(320 * MIB, self._size_bytes + self._copies_bytes + 64 * MIB))
            _run("mkfs.xfs", "-q", "-m", "reflink=1", outer)
            self._stack.enter_context(mounted(outer, self._path("xfs"), "-t", "xfs", "-o", "loop"))
            self._make_file(self._path("xfs/disk.img"), self._size_bytes)
            _run("mkfs.ext4", "-q", "-F", self._path("xfs/disk.img"))
            self.folder = self._stack.enter_context(
                mounted(self._path("xfs/disk.img"), self._path("disk"), "-t", "ext4", "-o", "loop"))
            return self
        except BaseException:
            self._stack.close()
            raise

    def __exit__(self, *_):
        self._stack.close()

    def photograph(self, name):
        """Copies the image, all of it at one moment. Returns the path of the copy."""
        copy = self._path(f"xfs/{name}.img")
        _run("cp", "--reflink=always", self._path("xfs/disk.img"), copy)
        return copy

    @contextlib.contextmanager
    def developed(self, copy):
        """Mounts a copy, which recovers from the power cut, and removes it afterwards."""
        try:
            with mounted(copy, self._path("copy"), "-t", "ext4", "-o", "loop") as folder:
                yield folder
        finally:
            os.remove(copy)

    def _path(self, name):
        return os.path.join(self._base, name)

    @staticmethod
    def _make_file(path, size_bytes):
        with open(path, "wb") as file:
            file.truncate(size_bytes)
