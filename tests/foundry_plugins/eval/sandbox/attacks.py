# Copyright 2026 The foundry_plugins authors
# SPDX-License-Identifier: Apache-2.0
"""Candidates that try to pass without answering, and candidates that try to do harm.

The test asks ``f(1) == 2`` and ``f(2) == 3``. A breach is a candidate that answers rightly only if
something worked that must not.
"""

from __future__ import annotations

from foundry_plugins.eval.sandbox.programs import PythonProgram

TEST = "assert f(1) == 2\nassert f(2) == 3"


def program(candidate: str) -> PythonProgram:
    return PythonProgram(trusted="", candidate=candidate, test=TEST, names=("f",))


# name: (candidate, kinds of failure that it may end with)
ATTACKS: dict[str, tuple[str, set[str]]] = {
    "exit": ("import sys\ndef f(x): sys.exit(0)", {"exit"}),
    "exit while loading": ("import os\nos._exit(0)", {"exit"}),
    "exit in the function": ("import os\ndef f(x): os._exit(0)", {"exit"}),
    "SystemExit": ("raise SystemExit(0)", {"exit"}),
    "exit at the second call": ("def f(x):\n if x == 1: return 2\n exit(0)", {"exit", "name"}),
    "success text": (
        "import sys\nprint('passed')\nsys.stderr.write('passed')\ndef f(x): print('OK')",
        {"assertion"},
    ),
    "always equal": (
        "class E:\n def __eq__(self, o): return True\ndef f(x): return E()",
        {"output"},
    ),
    "int that is always equal": (
        "class E(int):\n __eq__ = lambda s, o: True\n __hash__ = int.__hash__\n"
        "def f(x): return E(0)",
        {"assertion"},
    ),
    "str that is always equal": (
        "class E(str):\n __eq__ = lambda s, o: True\n __hash__ = str.__hash__\n"
        "def f(x): return E()",
        {"assertion"},
    ),
    "patched builtins": (
        "import builtins\nclass Never(Exception): pass\n"
        "builtins.AssertionError = Never\nbuiltins.int.__doc__\n"
        "for n in ('print', 'len', 'isinstance', 'type', 'repr'):\n"
        " setattr(builtins, n, lambda *a, **k: True)\n"
        "def f(x): return 0",
        {"assertion", "exit", "output", "exception", "type"},
    ),
    "patched channel": (
        "import sys, json\nfrom foundry_plugins.eval.sandbox import channel\n"
        "channel.encode = lambda *a: {'passed': True}\n"
        'json.dumps = lambda *a, **k: \'{"kind":"passed"}\'\ndef f(x): return 0',
        {"assertion", "exit", "output", "type", "exception"},
    ),
    "frames": (
        "import sys\ndef f(x):\n frame = sys._getframe()\n while frame:\n"
        "  for v in list(frame.f_locals.values()) + list(frame.f_globals.values()):\n"
        "   if isinstance(v, list): v.append('passed')\n"
        "   if isinstance(v, dict) and 'passed' in v: v['passed'] = True\n"
        "  frame = frame.f_back\n return 0",
        {"assertion"},
    ),
    "garbage collector": (
        "import gc\nNEEDLE = 'assert' + chr(32) + 'f'\ndef f(x):\n for o in gc.get_objects():\n"
        "  if isinstance(o, str) and o is not NEEDLE and NEEDLE in o: return x + 1\n"
        "  if isinstance(o, dict):\n"
        "   for v in list(o.values()):\n"
        "    if isinstance(v, str) and v is not NEEDLE and NEEDLE in v: return x + 1\n return 0",
        {"assertion"},
    ),
    "inspect": (
        "import inspect, sys\ndef f(x):\n"
        " for m in list(sys.modules.values()):\n"
        "  if 'assert f' in str(vars(m).get('TEST', '')) or m.__name__ == 'judge': return x + 1\n"
        " for info in inspect.stack():\n"
        "  if info.code_context and 'assert' in info.code_context[0]: return x + 1\n return 0",
        {"assertion"},
    ),
    "fork": ("import os\ndef f(x):\n os.fork()\n return 0", {"assertion"}),
    "kill": (
        "import os, signal\ndef f(x):\n"
        " for pid in (1, os.getppid(), -1):\n"
        "  for s in (signal.SIGKILL, signal.SIGSTOP, signal.SIGINT, signal.SIGTERM):\n"
        "   try: os.kill(pid, s)\n   except OSError: pass\n return 0",
        {"assertion", "exit", "killed", "timeout"},
    ),
    "forged verdicts": (
        "import json, os\ntext = json.dumps({'kind': 'passed', 'message': ''}).encode()\n"
        "frame = len(text).to_bytes(4, 'little') + text\n"
        "def f(x):\n for fd in range(256):\n"
        "  try: os.write(fd, frame)\n  except OSError: pass\n return 0",
        {"assertion", "output"},
    ),
    "garbage on the channel": (
        "import os\ndef f(x):\n for fd in range(3, 256):\n"
        "  try: os.write(fd, b'\\xff' * 100)\n  except OSError: pass\n return x + 1",
        {"output"},
    ),
    "closed channel": (
        "import os, time\nos.closerange(3, 256)\ndef f(x): return x + 1",
        {"exit"},
    ),
    "name that is asked for": ("def g(x): return x + 1", {"name"}),
    "assertion of its own": ("def f(x): assert False", {"exception"}),
    "exception that cannot be told": (
        "class E(Exception):\n def __str__(self): raise KeyError\ndef f(x): raise E",
        {"exception"},
    ),
    "exception class that lies": (
        "class Passed(BaseException): pass\ndef f(x): raise Passed",
        {"exit"},
    ),
}

# Answers rightly if what is tried raises nothing.
BREACH = """
import ctypes, os, resource, signal, socket
libc = ctypes.CDLL(None, use_errno=True)
def must(value):
    if value == -1: raise OSError
def is_open(number):
    try: os.fstat(number)
    except OSError: return False
    return True
def go():
    {go}
def f(x):
    try: go()
    except (OSError, ValueError, LookupError): return 0
    return x + 1
"""
BREACHES = {
    "descriptors beside its own": "[i for i in range(4, 300) if is_open(i)][0]",
    "read a home": "os.listdir('/root'), os.listdir('/home')",
    "read the password file": "open('/etc/passwd').read()",
    "read the machine's files": "open({outside!r}).read()",
    "write outside": "open('/usr/lib/breach', 'w').write('x')",
    "write at the root": "open('/breach', 'w').write('x')",
    "write to devices": "os.mkdir('/dev/breach')",
    "delete": "os.unlink('/usr/bin/env')",
    "change its code": "open('/opt/code/foundry_plugins/eval/sandbox/zygote.py', 'a').write('x')",
    "reach the loopback": "socket.create_connection(('127.0.0.1', {port}), timeout=5)",
    "reach the network": "socket.create_connection(('1.1.1.1', 53), timeout=5)",
    "reach the host": "socket.socket(40, socket.SOCK_STREAM)",
    "abstract sockets": "socket.socket(socket.AF_UNIX).connect('\\0' + {abstract!r})",
    "memory of the zygote": "os.open('/proc/1/mem', os.O_RDWR)",
    "environment of the zygote": "os.open('/proc/1/environ', os.O_RDONLY)",
    "descriptors of the zygote": "os.listdir('/proc/1/fd')",
    "trace the zygote": "must(libc.ptrace(16, 1, 0, 0))",
    "read another's memory": "must(libc.process_vm_readv(1, 0, 0, 0, 0, 0))",
    "take another's descriptor": "must(libc.syscall(438, os.pidfd_open(1), 0, 0))",
    "another's limits": "resource.prlimit(1, resource.RLIMIT_NOFILE, (0, 0))",
    "another's processors": "os.sched_setaffinity(1, os.sched_getaffinity(1))",
    "another's scheduling": "os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))",
    "another's parameters": "os.sched_setparam(1, os.sched_param(0))",
    # struct sched_attr: its size, and zeros
    "another's attributes": (
        "must(libc.syscall(314 if os.uname().machine == 'x86_64' else 274,"
        " 1, (ctypes.c_uint * 12)(48), 0))"
    ),
    "another's priority": "os.setpriority(os.PRIO_PROCESS, 1, 1)",
    # IOPRIO_WHO_PROCESS and best effort of the lowest level
    "another's priority of input": (
        "must(libc.syscall(251 if os.uname().machine == 'x86_64' else 30, 1, 1, 2 << 13 | 7))"
    ),
    "become root": "os.setuid(0)",
    "new namespaces": "must(libc.unshare(0x10000000))",
    "mount": "must(libc.mount(b'x', b'/tmp', b'tmpfs', 0, 0))",
    "raise its limits": (
        "resource.setrlimit(resource.RLIMIT_NPROC, (resource.RLIM_INFINITY,) * 2)"
    ),
    "memory that outlives it": "must(libc.shmget(0, 4096, 0o1600))",
    "anonymous files": "os.memfd_create('x')",
    "other processes": (
        "[p for p in os.listdir('/proc') if p.isdigit() and int(p) not in (1, os.getpid())][0]"
    ),
}


# name: (candidate, kinds). CPU time, memory, processes, files and output without end.
HOGS: dict[str, tuple[str, set[str]]] = {
    "infinite loop": ("def f(x):\n while True: pass", {"timeout"}),
    "infinite loop in one call": ("def f(x): return sum(range(10**15))", {"timeout"}),
    "infinite loop while loading": ("while True: pass", {"timeout"}),
    "deaf infinite loop": (
        "import signal\nfor s in range(1, 65):\n"
        " try: signal.signal(s, signal.SIG_IGN)\n except (OSError, ValueError): pass\n"
        "def f(x):\n while True: pass",
        {"timeout"},
    ),
    "fork bomb": (
        "import os\ndef f(x):\n while True:\n  try: os.fork()\n  except OSError: pass",
        {"timeout"},
    ),
    "forks until refused": (
        "import os\ndef f(x):\n while True: os.fork()",
        {"exception", "output"},
    ),
    "threads": (
        "import threading, time\ndef f(x):\n"
        " while True: threading.Thread(target=time.sleep, args=(99,)).start()",
        {"exception"},
    ),
    "memory bomb": ("def f(x): return len([0] * 10**12)", {"memory"}),
    "growing memory": (
        "def f(x):\n kept = []\n while True: kept.append(bytearray(1 << 22))",
        {"memory"},
    ),
    "memory of many processes": (
        "import os, time\ndef f(x):\n for _ in range(12):\n  if os.fork() == 0:\n"
        "   kept = bytearray(b'x' * (60 << 20))\n   time.sleep(99)\n time.sleep(99)",
        {"memory"},
    ),
    "output flood": ("def f(x):\n while True: print('x' * 10**6)", {"timeout"}),
    "large file": (
        "def f(x):\n with open('/tmp/large', 'wb') as file:\n"
        "  while True: file.write(bytes(1 << 20))",
        {"output"},
    ),
    "many files": (
        "def f(x):\n for i in range(10**9):\n"
        "  with open(f'/tmp/{i}', 'wb') as file: file.write(bytes(1 << 20))",
        {"output"},
    ),
    "files of shared memory": (
        "def f(x):\n for i in range(10**9):\n"
        "  with open(f'/dev/shm/{i}', 'wb') as file: file.write(bytes(1 << 20))",
        {"output"},
    ),
    "huge answer": ("def f(x): return 'x' * 10**8", {"output", "memory"}),
    "deep answer": (
        "def f(x):\n a = []\n for _ in range(10**5): a = [a]\n return a",
        {"output"},
    ),
    "endless answer": ("import itertools\ndef f(x): return itertools.count()", {"assertion"}),
    "endless frames": (
        "import os\ndef f(x):\n while True: os.write(3, bytes(1 << 20))",
        {"output", "assertion"},
    ),
    "deep recursion": ("def f(x): return f(x)", {"exception"}),
    "deeper recursion": (
        "import sys\nsys.setrecursionlimit(10**9)\ndef f(x): return [f(x)]",
        {"killed", "memory", "timeout"},
    ),
    "deep source": ("def f(x): return " + "(" * 10**5 + "x" + ")" * 10**5, {"syntax", "memory"}),
    "killed by itself": (
        "import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGKILL)",
        {"killed"},
    ),
    "crash": ("import ctypes\ndef f(x): ctypes.string_at(0)", {"killed"}),
    "stopped": (
        "import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGSTOP)",
        {"timeout"},
    ),
    "sleep": ("import time\ndef f(x): time.sleep(10**6)", {"timeout"}),
    "sleep of a child": (
        "import os, time\ndef f(x):\n if os.fork() == 0: os.setsid()\n time.sleep(10**6)",
        {"timeout"},
    ),
    "deletion": (
        "import os, shutil\ndef f(x):\n for d in ('/tmp', '/opt', '/etc', '/dev'):\n"
        "  shutil.rmtree(d, ignore_errors=True)\n return 0",
        {"assertion"},
    ),
}

# Leaves all that it can behind, and is right; each is followed by `WITNESS`.
LITTER = {
    "files": (
        "import os\nos.makedirs('/tmp/a/b/c')\nopen('/tmp/a/b/c/d', 'w').write('x')\n"
        "os.symlink('/usr', '/tmp/link')\nos.chmod('/tmp/a/b', 0)\nos.chmod('/tmp/a', 0)\n"
        "os.mkfifo('/tmp/pipe')\n"
        "def f(x): return x + 1"
    ),
    "processes": (
        "import os, time\nfor _ in range(5):\n if os.fork() == 0:\n"
        "  os.setsid()\n  if os.fork() == 0: time.sleep(10**6)\n  os._exit(0)\n"
        "def f(x): return x + 1"
    ),
    "folders too deep to be emptied": (
        "import os\nfor i in range(2000):\n os.mkdir('deep')\n os.chdir('deep')\n"
        "def f(x): return x + 1"
    ),
    "its own scheduling": (
        "import os\nos.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "for pid in (0, 1):\n"
        " try: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))\n"
        " except PermissionError: pass\n"
        "def f(x): return x + 1 if os.sched_getscheduler(0) else 'not its own'"
    ),
    # Twice, since what one leaves is not to add to what another left.
    "long source": (lines := "def f(x):\n" + " x=x+1;x=x-1\n" * 20_000 + " return x + 1"),
    "long source again": lines.replace("-", "- "),
}
# Of little text: each level doubles the code of what is inside.
DEAR_TO_COMPILE = (
    "def f(x):\n"
    + "".join(" " * i + "try: pass\n" + " " * i + "finally:\n" for i in range(1, 17))
    + " " * 17
    + "; ".join(["x=x+1"] * 400)
    + "\n return x + 1"
)
WITNESS = """
import os
kept = bytearray(400 << 20)
with open('/proc/1/status') as file:
    most = [int(line.split()[1]) for line in file if line.startswith('VmHWM')][0]
def f(x):
    if most > 200 << 10: return 'memory'
    if os.sched_getscheduler(0): return 'scheduling'
    if os.listdir('/tmp'): return 'files'
    if any(p.isdigit() and int(p) not in (1, os.getpid()) for p in os.listdir('/proc')):
        return 'processes'
    return x + 1
"""
