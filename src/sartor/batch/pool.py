"""Tasks on the processes of this machine; a patient whose process dies is found, isolated and reported."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from sartor.batch.inputs import Task
from sartor.batch.rows import WORKER_DIED, Row, failed_row
from sartor.batch.work import Plan, alone, assess

AHEAD = 2  # tasks in flight per worker, so that none waits and memory stays flat
DIED = "the process died while it worked on this patient (out of memory, or a crash in native code)"

Done = tuple[int, list[Row]]


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def results(plan: Plan, tasks: Iterable[Task], workers: int) -> Iterator[Done]:
    """(task number, its rows) as tasks finish, in whatever order."""
    rest = iter(tasks)
    suspects: list[Task] = []
    while True:
        yield from _until_it_breaks(plan, rest, workers, suspects)
        if not suspects:
            return
        lonely = _Alone()
        try:
            for task in suspects:
                yield task.number, lonely.rows(plan, task)
        finally:
            lonely.close()
        suspects.clear()


def _until_it_breaks(plan: Plan, rest: Iterator[Task], workers: int, suspects: list[Task]) -> Iterator[Done]:
    """Run tasks until there are none, or until a process dies; then those in flight are suspects."""
    pool = _pool(workers)
    flying: dict[Future[list[Row]], Task] = {}
    try:
        while True:
            for task in rest:
                flying[_submitted(pool, plan, task, suspects)] = task
                if len(flying) >= workers * AHEAD:
                    break
            if not flying:
                return
            for future in wait(flying, return_when=FIRST_COMPLETED).done:
                number = flying[future].number
                rows = future.result()
                del flying[future]
                yield number, rows
    except BrokenProcessPool:
        suspects += _not_done(flying)
        yield from _done(flying)
    except BaseException:  # stopped by the user: do not wait for what is under way, it is not kept
        _stop(pool)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the worker processes at once; Python offers this from 3.14 on."""
    for process in list((getattr(pool, "_processes", None) or {}).values()):
        process.terminate()


def _submitted(pool: ProcessPoolExecutor, plan: Plan, task: Task, suspects: list[Task]) -> Future[list[Row]]:
    """Hand in a task; one that a broken pool refuses is not lost."""
    try:
        return pool.submit(assess, plan, task)
    except BrokenProcessPool:
        suspects.append(task)
        raise


def _not_done(flying: dict[Future[list[Row]], Task]) -> list[Task]:
    return [task for future, task in flying.items() if not _fine(future)]


def _done(flying: dict[Future[list[Row]], Task]) -> Iterator[Done]:
    for future, task in flying.items():
        if _fine(future):
            yield task.number, future.result()


def _fine(future: Future[list[Row]]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


class _Alone:
    """A process that has one task at a time, so that its death has one cause; replaced when it dies."""

    def __init__(self) -> None:
        self._pool = _pool(1)

    def rows(self, plan: Plan, task: Task) -> list[Row]:
        """A suspect task's rows; when the process dies of it, its patients one by one."""
        try:
            return self._pool.submit(assess, plan, task).result()
        except BrokenProcessPool:
            self.close()
            self._pool = _pool(1)
        if len(task.patients) == 1:
            return [failed_row(task.patients[0].name, WORKER_DIED, DIED)]
        return [row for each in alone(task) for row in self.rows(plan, each)]

    def close(self) -> None:
        """End the process."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _pool(workers: int) -> ProcessPoolExecutor:
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    return ProcessPoolExecutor(max_workers=workers, mp_context=context)
