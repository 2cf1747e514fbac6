"""The processes that hear, seen from the one that answers: each has one job at a time, and is replaced when it ends."""

import asyncio
import dataclasses
import json
import logging
import os
import socket
import sys
from pathlib import Path
from typing import Any

from ser.service.settings import ServeSettings

START_S = 60  # that a process may take until it is ready
AGAIN_S = 1.0  # until another is begun after one that did not become ready
ROOT = Path(__file__).parents[2]  # where `ser` is imported from
log = logging.getLogger("ser.service")


class BusyError(Exception):
    """As many requests wait as may."""


class DiedError(Exception):
    """The process ended while it heard."""


class SlowError(Exception):
    """Hearing took too long; the process was ended."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """outcome: heard; refused, where the document says why it cannot be; or failed, without a document."""

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
                cwd=ROOT,
                env=os.environ | {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"},
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

    async def hear(self, job: dict[str, Any], file: int) -> Answer:
        """Hear an open file; EOFError or OSError if the process ends."""
        socket.send_fds(self._jobs, [json.dumps(job).encode()], [file])
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


class Pool:
    """Hands each job to a process that has none. The first to ask is the first to be heard."""

    def __init__(self, settings: ServeSettings, folders: list[Path]) -> None:
        limits = {"duration_s": settings.max_duration_s, "time_s": settings.timeout_s, "memory_mb": settings.memory_mb}
        self._command = [sys.executable, "-m", "ser.service.worker", json.dumps(limits), *map(str, folders)]
        self._settings = settings
        self._idle: asyncio.Queue[Worker] = asyncio.Queue()
        self._slots: list[asyncio.Task[None]] = []
        self.ready = 0
        self.waiting = 0
        self.replaced = 0
        self._job_s = 1.0  # that a job took of late

    async def start(self) -> None:
        """Start all processes; ValueError says why they cannot be."""
        begun = await asyncio.gather(*(Worker.begin(self._command) for _ in range(self._settings.workers)))
        self._slots = [asyncio.create_task(self._keep(worker)) for worker in begun]
        await asyncio.sleep(0)  # so that each is counted

    async def stop(self) -> None:
        for slot in self._slots:
            slot.cancel()
        await asyncio.gather(*self._slots, return_exceptions=True)

    @property
    def retry_after_s(self) -> int:
        """When those that wait now will have been heard."""
        return max(1, round(self._job_s * (self.waiting + 1) / self._settings.workers))

    async def hear(self, job: dict[str, Any], file: int) -> Answer:
        """Hear an open file. BusyError, DiedError or SlowError says why it was not."""
        while True:
            worker = await self._take()
            begun = asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(self._settings.timeout_s):
                    answer = await worker.hear(job, file)
            except BrokenPipeError:  # it had ended before
                continue
            except TimeoutError as error:
                worker.kill()
                raise SlowError from error
            except (EOFError, OSError) as error:
                raise DiedError from error
            except BaseException:
                worker.kill()  # it goes on with what nobody waits for
                raise
            self._job_s += 0.1 * (asyncio.get_running_loop().time() - begun - self._job_s)
            self._idle.put_nowait(worker)
            return answer

    async def _take(self) -> Worker:
        if self.waiting >= self._settings.queue and self._idle.empty():
            raise BusyError
        self.waiting += 1
        try:
            while (worker := await self._idle.get()).ended:
                pass
            return worker
        finally:
            self.waiting -= 1

    async def _keep(self, worker: Worker) -> None:
        """Keep one process running, whatever ends it."""
        while True:
            try:
                self.ready += 1
                self._idle.put_nowait(worker)
                status = await worker.wait()
            finally:
                self.ready -= 1
                await worker.end()
            self.replaced += 1
            log.warning("a process that hears ended with status %s; another begins", status)
            while True:
                try:
                    worker = await Worker.begin(self._command)
                    break
                except (ValueError, OSError) as error:
                    log.error("%s; trying again", error)
                    await asyncio.sleep(AGAIN_S)
