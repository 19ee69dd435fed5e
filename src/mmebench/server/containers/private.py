"""``python -I -S private.py COMMAND…``: become COMMAND, whose files and shared memory are for this user alone.

Run as a file. The umask is not enough: Triton's Python backend makes shared memory by Boost.Interprocess, and that
sets the mode 0644 by ``fchmod`` after it was made, and the tensors of all requests are in there. So the kernel is
asked, by a seccomp filter, to take an ``fchmod`` that lets others in for done. Linux on x86-64 and ARM64 only;
elsewhere the umask is all.
"""

import os
import platform
import sys

_FCHMOD = {"x86_64": (0xC000003E, 91, 317), "aarch64": (0xC00000B7, 52, 277)}
"""By machine: AUDIT_ARCH of linux/audit.h, and the numbers of the system calls fchmod and seccomp."""
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_SET_MODE_FILTER = 1
_SPEC_ALLOW = 4
"""Without this flag kernels before 5.16 slow the process down against Spectre."""
_LOAD_WORD, _JUMP_EQUAL, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _DONE = 0x7FFF0000, 0x00050000
"""SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO with the error 0, which is success."""


def private(command: list[str]) -> list[str]:
    """``command``, so that what it makes is for this user alone."""
    return [sys.executable, "-I", "-S", __file__, *command]


def main() -> None:
    """Keep others out, then become the command."""
    os.umask(0o077)
    machine = platform.machine()
    if sys.platform == "linux" and machine in _FCHMOD:
        _ignore_fchmod(*_FCHMOD[machine])
    os.execv(sys.argv[1], sys.argv[1:])


def _ignore_fchmod(architecture: int, fchmod: int, seccomp: int) -> None:
    """An ``fchmod`` with any bit of group or others has no effect from now on, here and in all children."""
    import ctypes
    import struct

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    # struct seccomp_data: the call's number at 0, the architecture at 4, the low half of the mode at 24.
    instructions = (
        (_LOAD_WORD, 0, 0, 4),
        (_JUMP_EQUAL, 0, 5, architecture),
        (_LOAD_WORD, 0, 0, 0),
        (_JUMP_EQUAL, 0, 3, fchmod),
        (_LOAD_WORD, 0, 0, 24),
        (_JUMP_BITS, 0, 1, 0o077),
        (_RETURN, 0, 0, _DONE),
        (_RETURN, 0, 0, _ALLOW),
    )
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)
    program = Program(len(instructions), code)
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.syscall(seccomp, _SECCOMP_SET_MODE_FILTER, _SPEC_ALLOW, ctypes.byref(program)):
        print("no seccomp here: other users of this machine can read the models' shared memory", file=sys.stderr)


if __name__ == "__main__":
    main()
