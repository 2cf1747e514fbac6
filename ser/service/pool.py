"""The processes that hear, seen from the one that answers: each has one job at a time, and is replaced when it ends."""

import asyncio
import collections
import contextlib
import dataclasses
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

from ser.service.process import Answer, Worker
from ser.service.settings import MOST_TOGETHER, SMALL, ServeSettings

WAIT_S = 60  # that a recording may wait until it is heard
AGAIN_S = 1.0  # until another is begun after one that did not become ready
SAME = ("model", "window_s", "hop_s", "channels")  # in jobs that are heard together
log = logging.getLogger("ser.service")


class BusyError(Exception):
    """As many recordings wait as may, or this one waited too long."""


class DiedError(Exception):
    """The process ended while it heard."""


class SlowError(Exception):
    """Hearing took too long; the process was ended."""


@dataclasses.dataclass(eq=False)
class _Job:
    """What waits for a process. kind: jobs of one kind may be heard together; None: alone."""

    asked: dict[str, Any]
    file: int
    kind: tuple | None
    answer: asyncio.Future[Answer]


class Pool:
    """Hands jobs to processes that have none, the oldest first; small ones of one kind together, when many wait."""

    def __init__(self, settings: ServeSettings, folders: list[Path]) -> None:
        limits = {"duration_s": settings.max_duration_s, "time_s": settings.timeout_s, "memory_mb": settings.memory_mb}
        self._command = [sys.executable, "-P", "-m", "ser.service.worker", json.dumps(limits), *map(str, folders)]
        self._settings = settings
        self._jobs: collections.deque[_Job] = collections.deque()
        self._some = asyncio.Event()  # whether there are jobs
        self._slots: list[asyncio.Task[None]] = []
        self._idle = self.ready = self.replaced = 0
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
    def waiting(self) -> int:
        """The jobs that no process has begun."""
        return len(self._jobs)

    @property
    def retry_after_s(self) -> int:
        """When those that wait now will have been heard."""
        return max(1, round(self._job_s * (self.waiting + 1) / self._settings.workers))

    async def hear(self, asked: dict[str, Any], file: int) -> Answer:
        """Hear an open file. BusyError, DiedError or SlowError says why it was not."""
        if self.waiting >= self._settings.queue and not self._idle:
            raise BusyError
        kind = tuple(asked[name] for name in SAME) if os.fstat(file).st_size <= SMALL and not asked["raw"] else None
        job = _Job(asked, file, kind, asyncio.get_running_loop().create_future())
        self._jobs.append(job)
        self._some.set()
        try:
            async with asyncio.timeout(WAIT_S + self._settings.timeout_s):
                return await job.answer
        except TimeoutError:
            raise BusyError from None
        finally:
            with contextlib.suppress(ValueError):
                self._jobs.remove(job)  # nobody waits for it, and its file is closed

    async def _keep(self, worker: Worker) -> None:
        """Keep one process running, whatever ends it."""
        while True:
            serving = asyncio.create_task(self._serve(worker))
            self.ready += 1
            try:
                status = await worker.wait()
            finally:
                self.ready -= 1
                serving.cancel()
                await asyncio.wait([serving])
                await worker.end()
            self.replaced += 1
            log.warning("a process that hears ended with status %s; another begins", status)
            worker = await self._begin_again()

    async def _begin_again(self) -> Worker:
        while True:
            try:
                return await Worker.begin(self._command)
            except (ValueError, OSError) as error:
                log.error("%s; trying again", error)
                await asyncio.sleep(AGAIN_S)

    async def _serve(self, worker: Worker) -> None:
        """Hand jobs to a process until it ends."""
        while True:
            jobs = await self._take()
            try:
                worker.send([job.asked for job in jobs], [job.file for job in jobs])
            except OSError:  # it had ended before
                self._return(jobs)
                return
            try:
                await self._answer(worker, jobs)
            except BaseException as error:
                worker.kill()
                left = [job for job in jobs if not job.answer.done()]
                if len(jobs) == 1:
                    for job in left:
                        job.answer.set_exception(SlowError() if isinstance(error, TimeoutError) else DiedError())
                else:  # each for itself, so that no recording is the end of another
                    for job in left:
                        job.kind = None
                    self._return(left)
                if not isinstance(error, (OSError, EOFError)):
                    raise
                return

    async def _take(self) -> list[_Job]:
        """Wait for a job; return it with those behind it that are heard with it. Idle processes share what there is."""
        self._idle += 1
        try:
            while not self._jobs:
                self._some.clear()
                await self._some.wait()
        finally:
            self._idle -= 1
        share = min(MOST_TOGETHER, -(-len(self._jobs) // (self._idle + 1)))
        jobs = [self._jobs.popleft()]
        while self._jobs and len(jobs) < share and jobs[0].kind is not None and self._jobs[0].kind == jobs[0].kind:
            jobs.append(self._jobs.popleft())
        return jobs

    async def _answer(self, worker: Worker, jobs: list[_Job]) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for job in jobs:
            async with asyncio.timeout(self._settings.timeout_s):
                answer = await worker.answer()
            if answer.outcome == "failed":
                log.error("a recording could not be heard:\n%s", answer.document.decode())
            if not job.answer.done():
                job.answer.set_result(answer)
        self._job_s += 0.1 * ((loop.time() - begun) / len(jobs) - self._job_s)

    def _return(self, jobs: list[_Job]) -> None:
        self._jobs.extendleft(reversed(jobs))
        self._some.set()
