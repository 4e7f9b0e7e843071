"""Holds a database so that nobody can read it, until stdin closes.

`running FILE`: the locks of the WAL index, as a process that recovers it would hold them.
`start FILE`: an exclusive connection, as a backup tool would hold it.
"""
import fcntl
import sqlite3
import sys

mode, file = sys.argv[1:3]
if mode == "running":
    index = open(file + "-shm", "r+b")
    fcntl.lockf(index, fcntl.LOCK_EX, 8, 120)
else:
    held = sqlite3.connect(file, isolation_level=None)
    held.execute("PRAGMA locking_mode = EXCLUSIVE")
    held.execute("BEGIN EXCLUSIVE")
    held.execute("CREATE TABLE IF NOT EXISTS held (x)")
print("held", flush=True)
sys.stdin.read()
