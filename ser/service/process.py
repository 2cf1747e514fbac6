"""One process that hears, seen from the one that answers."""

import asyncio
import dataclasses
import json
import os
import socket
import sys
from typing import Any

START_S = 60  # that a process may take until it is ready


@dataclasses.dataclass(frozen=True)
class Answer:
    """outcome: heard; refused, where the document says why it cannot be; or failed, where it is a traceback."""

    outcome: str
    document: bytes
    sound_s: float


class Worker:
    """One process."""

    def __init__(self, process: asyncio.subprocess.Process, jobs: socket.socket) -> None:
        self._process, self._jobs = process, jobs

    @classmethod
    async def begin(cls, command: list[str]) -> "Worker":
        """Start a process and wait until it is ready; ValueError says why it cannot be."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=theirs,
                stdout=asyncio.subprocess.PIPE,
                env=os.environ
                | {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2", "PYTHONPATH": os.pathsep.join(sys.path)},
                start_new_session=True,
            )
        worker = cls(process, ours)
        try:
            async with asyncio.timeout(START_S):
                head, _ = await worker._read()
        except (TimeoutError, EOFError, ValueError):
            head = {"error": "a process that hears did not start; what it printed is above"}
        if "error" in head:
            await worker.end()
            raise ValueError(head["error"])
        return worker

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None

    def send(self, jobs: list[dict[str, Any]], files: list[int]) -> None:
        """Hand out jobs with an open file each; OSError if the process has ended."""
        socket.send_fds(self._jobs, [json.dumps(jobs).encode()], files)

    async def answer(self) -> Answer:
        """Return the next answer, in the order of the jobs; EOFError if the process ends."""
        head, document = await self._read()
        return Answer(head["outcome"], document, head.get("sound_s", 0.0))

    def kill(self) -> None:
        if not self.ended:
            self._process.kill()

    async def wait(self) -> int:
        return await self._process.wait()

    async def end(self) -> None:
        self._jobs.close()
        self.kill()
        await self.wait()

    async def _read(self) -> tuple[dict[str, Any], bytes]:
        line = await self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        head = json.loads(line)
        return head, await self._process.stdout.readexactly(head["bytes"])
