"""BPF objects, programs, maps and links, through Debian's libbpf.

libbpf does the CO-RE work (relocation, BTF); it is called with ctypes because it is
needed a few times at start, never a frame. Links are not pinned: when this process
dies, however it dies, the kernel closes its descriptors and the program is detached.
libxdp is not used: its dispatcher needs trampolines, which many hosts refuse (EPERM).
"""

import ctypes
import errno
import functools
import mmap
import os
from importlib import resources
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from airnet.errors import CaptureError, UnsupportedError

#: Source: include/uapi/linux/bpf.h and if_link.h.
XDP_DROP, XDP_PASS, XDP_REDIRECT = 1, 2, 4
ATTACH_XDP = 37
#: enum bpf_attach_type: BPF_CGROUP_INET_EGRESS.
ATTACH_EGRESS = 1
FLAGS_SKB_MODE, FLAGS_DRV_MODE = 1 << 1, 1 << 2
TEST_LIVE_FRAMES = 1 << 1
POSSIBLE_CPUS = Path("/sys/devices/system/cpu/possible")
#: Largest frame that test runs are given; one page less the kernel's own share.
TEST_BYTES_MAX = 3520


class _LinkOptions(ctypes.Structure):
    """`struct bpf_link_create_opts` of libbpf 1.1; `size` tells it how much we know."""

    _fields_ = (
        ("size", ctypes.c_size_t),
        ("flags", ctypes.c_uint32),
        ("rest", ctypes.c_uint32 * 15),
    )


class _TestOptions(ctypes.Structure):
    """`struct bpf_test_run_opts` of libbpf 1.1."""

    _fields_ = (
        ("size", ctypes.c_size_t),
        ("data_in", ctypes.c_void_p),
        ("data_out", ctypes.c_void_p),
        ("data_size_in", ctypes.c_uint32),
        ("data_size_out", ctypes.c_uint32),
        ("context_in", ctypes.c_void_p),
        ("context_out", ctypes.c_void_p),
        ("context_size_in", ctypes.c_uint32),
        ("context_size_out", ctypes.c_uint32),
        ("retval", ctypes.c_uint32),
        ("repeat", ctypes.c_int),
        ("duration", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("cpu", ctypes.c_uint32),
        ("batch_size", ctypes.c_uint32),
    )


@functools.cache
def library() -> ctypes.CDLL:
    """Return libbpf, with its functions' types told to ctypes."""
    try:
        libbpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
    except OSError as error:
        raise UnsupportedError(
            "libbpf.so.1 is not on this host", "apt-get install libbpf1"
        ) from error
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    for name in ("bpf_object__open_file", "bpf_object__find_program_by_name"):
        getattr(libbpf, name).restype = pointer
    libbpf.bpf_object__open_file.argtypes = [text, pointer]
    libbpf.bpf_object__load.argtypes = [pointer]
    libbpf.bpf_object__close.argtypes = [pointer]
    libbpf.bpf_object__close.restype = None
    libbpf.bpf_object__find_program_by_name.argtypes = [pointer, text]
    libbpf.bpf_object__find_map_fd_by_name.argtypes = [pointer, text]
    libbpf.bpf_program__fd.argtypes = [pointer]
    libbpf.bpf_object__find_map_by_name.argtypes = [pointer, text]
    libbpf.bpf_object__find_map_by_name.restype = pointer
    libbpf.bpf_map__set_max_entries.argtypes = [pointer, ctypes.c_uint32]
    libbpf.bpf_map__set_initial_value.argtypes = [pointer, text, ctypes.c_size_t]
    # Its own prints go to standard error; our errors carry what matters.
    libbpf.libbpf_set_print(None)
    return libbpf


def failure(what: str, number: int) -> UnsupportedError:
    """Return the error for an errno that says what this host does not allow."""
    remedies = {
        errno.EPERM: "run as root or with the capabilities of airnet.service",
        errno.EOPNOTSUPP: "use backend xdp_generic or packet",
    }
    remedy = remedies.get(number, "see `airnet doctor`; backend packet needs no BPF")
    return UnsupportedError(f"{what}: {os.strerror(number)}", remedy)


class Map:
    """A BPF map of fixed key and value size, by descriptor."""

    def __init__(self, fd: int, value_bytes: int) -> None:
        self.fd = fd
        self._value = ctypes.create_string_buffer(value_bytes)

    def update(self, index: int, value: bytes) -> None:
        """Store `value` at a 32-bit key.

        Raises:
            UnsupportedError: the kernel refused it.
        """
        key = ctypes.c_uint32(index)
        libbpf = library()
        done = libbpf.bpf_map_update_elem(self.fd, ctypes.byref(key), value, 0)
        if done < 0:
            raise failure(f"BPF map update at {index}", -done)

    def lookup(self, index: int) -> bytes:
        """Return the bytes at a 32-bit key; for per-CPU maps those of every CPU."""
        key = ctypes.c_uint32(index)
        done = library().bpf_map_lookup_elem(
            self.fd, ctypes.byref(key), ctypes.byref(self._value)
        )
        if done < 0:
            raise failure(f"BPF map lookup at {index}", -done)
        return self._value.raw


class Link:
    """An attached program. Closing the last descriptor of it, or dying, detaches."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def close(self) -> None:
        """Detach; closing twice is harmless."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Program:
    """A loaded program, by descriptor; it lives as long as its Object."""

    def __init__(self, fd: int, name: str) -> None:
        self.fd = fd
        self.name = name

    def attach_xdp(self, interface: str, index: int, *, generic: bool) -> Link:
        """Attach to an interface, natively or in the generic (skb) mode.

        Raises:
            CaptureError: another program holds the interface.
            UnsupportedError: the driver or the kernel cannot.
        """
        flags = FLAGS_SKB_MODE if generic else FLAGS_DRV_MODE
        options = _LinkOptions(size=ctypes.sizeof(_LinkOptions), flags=flags)
        fd = library().bpf_link_create(
            self.fd, index, ATTACH_XDP, ctypes.byref(options)
        )
        if fd == -errno.EBUSY:
            raise CaptureError(
                f"{interface}: another XDP program is attached",
                f"detach it: ip link set dev {interface} xdp off",
            )
        if fd < 0:
            kind = "generic" if generic else "native"
            raise failure(f"{interface}: XDP {kind} attach", -fd)
        return Link(fd)

    def attach_tracepoint(self) -> Link:
        """Attach to the tracepoint that its section names.

        Raises:
            UnsupportedError: the kernel refused it.
        """
        fd = library().bpf_raw_tracepoint_open(None, self.fd)
        if fd < 0:
            raise failure(f"{self.name}: tracepoint attach", -fd)
        return Link(fd)

    def attach_cgroup(self, cgroup: Path) -> Link:
        """Attach to what the processes of a cgroup (version 2) send.

        Raises:
            UnsupportedError: there is no such cgroup, or the kernel refused it.
        """
        try:
            place = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise failure(f"{cgroup}: cgroup", error.errno or errno.EIO) from error
        try:
            fd = library().bpf_link_create(self.fd, place, ATTACH_EGRESS, None)
        finally:
            os.close(place)
        if fd < 0:
            raise failure(f"{cgroup}: egress attach", -fd)
        return Link(fd)

    def id(self) -> int:
        """Return the number by which the kernel tells programs apart."""
        # The head of `struct bpf_prog_info`: its type, its id.
        info = (ctypes.c_uint32 * 16)()
        size = ctypes.c_uint32(ctypes.sizeof(info))
        done = library().bpf_obj_get_info_by_fd(
            self.fd, ctypes.byref(info), ctypes.byref(size)
        )
        if done < 0:
            raise failure(f"{self.name}: program info", -done)
        return info[1]

    def send(self, data: bytes, count: int, batch: int) -> None:
        """Run over `count` frames that then go where the program sends them.

        They are frames as a driver has them, not socket buffers; each starts as a
        copy of `data`. The calling thread does the whole work.

        Raises:
            UnsupportedError: the kernel refused it.
        """
        given = ctypes.create_string_buffer(data, len(data))
        options = _TestOptions(
            size=ctypes.sizeof(_TestOptions),
            data_in=ctypes.addressof(given),
            data_size_in=len(data),
            repeat=count,
            flags=TEST_LIVE_FRAMES,
            batch_size=batch,
        )
        done = library().bpf_prog_test_run_opts(self.fd, ctypes.byref(options))
        if done < 0:
            raise failure(f"live frames of {self.name}", -done)

    def test_run(self, data: bytes, context: bytes = b"") -> tuple[int, bytes]:
        """Run once over `data`; return the action and the bytes afterwards.

        Args:
            data: one frame; when a context is given, metadata and frame.
            context: `struct xdp_md`, or nothing.
        """
        out = ctypes.create_string_buffer(TEST_BYTES_MAX)
        given = ctypes.create_string_buffer(data, max(len(data), 1))
        held = ctypes.create_string_buffer(context, max(len(context), 1))
        options = _TestOptions(
            size=ctypes.sizeof(_TestOptions),
            data_in=ctypes.addressof(given),
            data_size_in=len(data),
            data_out=ctypes.addressof(out),
            data_size_out=len(out),
            repeat=1,
        )
        if context:
            options.context_in = ctypes.addressof(held)
            options.context_size_in = len(context)
        done = library().bpf_prog_test_run_opts(self.fd, ctypes.byref(options))
        if done < 0:
            raise failure(f"test run of {self.name}", -done)
        return options.retval, out.raw[: options.data_size_out]


class Object:
    """A compiled object file, loaded into the kernel; freed by close()."""

    def __init__(
        self,
        name: str,
        *,
        entries: dict[str, int] | None = None,
        constants: bytes = b"",
    ) -> None:
        """Load airnet/_bpf/NAME.bpf.o.

        Args:
            name: of the object.
            entries: sizes of maps that depend on this host, by the map's name.
            constants: what its `const volatile` data is to say, in order.

        Raises:
            UnsupportedError: it was not built here, or the kernel refuses it.
        """
        self._handle: int | None = None
        libbpf = library()
        resource = resources.files("airnet._bpf").joinpath(f"{name}.bpf.o")
        with resources.as_file(resource) as path:
            if not path.exists():
                raise UnsupportedError(
                    f"{name}.bpf.o was not built: no BTF, clang or bpftool",
                    "install them and build again, or use backend packet",
                )
            handle = libbpf.bpf_object__open_file(os.fsencode(path), None)
        if not handle:
            raise failure(f"{name}.bpf.o: open", ctypes.get_errno())
        sizes = entries or {}
        for each, count in sizes.items():
            found = libbpf.bpf_object__find_map_by_name(handle, each.encode())
            libbpf.bpf_map__set_max_entries(found, count)
        if constants:
            found = libbpf.bpf_object__find_map_by_name(handle, b".rodata")
            libbpf.bpf_map__set_initial_value(found, constants, len(constants))
        done = libbpf.bpf_object__load(handle)
        if done < 0:
            libbpf.bpf_object__close(handle)
            raise failure(f"{name}.bpf.o: load", -done)
        self._handle = handle
        self._name = name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def program(self, name: str) -> Program:
        """Return the program of that name; it must exist."""
        libbpf = library()
        found = libbpf.bpf_object__find_program_by_name(self._handle, name.encode())
        assert found, f"{self._name}.bpf.o has no program {name}"
        return Program(libbpf.bpf_program__fd(found), name)

    def map_fd(self, name: str) -> int:
        """Return the descriptor of the map of that name; it must exist."""
        fd: int = library().bpf_object__find_map_fd_by_name(self._handle, name.encode())
        assert fd >= 0, f"{self._name}.bpf.o has no map {name}"
        return fd

    def close(self) -> None:
        """Unload; closing twice is harmless. Attached links stay attached."""
        if self._handle is not None:
            library().bpf_object__close(self._handle)
            self._handle = None


def link_interface(fd: int) -> int:
    """Return the index of the interface that a link is on, 0 when on none any more.

    Source: struct bpf_link_info, include/uapi/linux/bpf.h: xdp.ifindex at byte 16.
    """
    info = (ctypes.c_uint32 * 16)()
    size = ctypes.c_uint32(ctypes.sizeof(info))
    done = library().bpf_obj_get_info_by_fd(fd, ctypes.byref(info), ctypes.byref(size))
    if done < 0:
        raise failure("BPF link info", -done)
    return info[4]


def mapped(fd: int, words: int, *, writable: bool = False) -> NDArray[np.uint64]:
    """Return an mmapable array map as u64 words; takes no privilege and no bpf(2).

    The words are the kernel's own: they go on counting, and stay mapped for as long
    as the array lives, whatever becomes of the descriptor.
    """
    access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
    pages = mmap.mmap(fd, -(-8 * words // mmap.PAGESIZE) * mmap.PAGESIZE, access=access)
    return np.frombuffer(pages, np.uint64)[:words]


def possible_cpu_count() -> int:
    """Return one more than the largest CPU number ("0-3" is four)."""
    last = POSSIBLE_CPUS.read_text().strip().rpartition(",")[2].rpartition("-")[2]
    return int(last) + 1
