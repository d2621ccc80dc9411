"""Tasks on a Dask cluster; its workers need this installation and the same paths to the inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sartor.batch.inputs import Task
from sartor.batch.pool import AHEAD, DIED, Done
from sartor.batch.rows import WORKER_DIED, Row, failed_row, failure
from sartor.batch.work import Plan, alone, assess
from sartor.errors import MissingExtra, UsageError

_PATIENCE_S = 30
_ATTEMPTS = 2


def results(plan: Plan, tasks: Iterable[Task], address: str) -> Iterator[Done]:
    """(task number, its rows) as tasks finish, in whatever order; only a few per worker are in flight."""
    client = _client(address)
    rest = iter(tasks)
    try:
        most = max(1, sum(client.nthreads().values())) * AHEAD
        flying: dict[Any, Task] = {}
        finished = _distributed().as_completed(loop=client.loop)
        while True:
            for task in rest:
                future = client.submit(assess, plan, task, pure=False, retries=0)
                flying[future] = task
                finished.add(future)
                if len(flying) >= most:
                    break
            if not flying:
                return
            future = next(finished)
            task = flying.pop(future)
            yield task.number, _rows(client, plan, task, future)
    finally:
        client.close()


def _rows(client: Any, plan: Plan, task: Task, future: Any) -> list[Row]:
    """What a task gave; when its workers died of it, what its patients give one by one."""
    from distributed.scheduler import KilledWorker

    try:
        found: list[Row] = future.result()
        return found
    except KilledWorker:
        return [row for each in alone(task) for row in _singly(client, plan, each)]
    except Exception as error:
        return [failure(patient.name, error) for patient in task.patients]


def _singly(client: Any, plan: Plan, single: Task) -> list[Row]:
    """One suspect patient with nothing of ours behind it in the queue.

    Another task may have killed its worker, so it has a second attempt before it counts as the cause.
    """
    from distributed.scheduler import KilledWorker

    for _ in range(_ATTEMPTS):
        try:
            found: list[Row] = client.submit(assess, plan, single, pure=False, retries=0).result()
            return found
        except KilledWorker:
            continue
    return [failed_row(single.patients[0].name, WORKER_DIED, DIED)]


def _client(address: str) -> Any:
    try:
        return _distributed().Client(address, timeout=_PATIENCE_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise UsageError(
            f"no Dask scheduler answers ({type(error).__name__})",
            where=f"--cluster {address}",
            todo="check the address, such as tcp://10.0.0.1:8786",
        ) from error


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise MissingExtra(
            "running on a cluster needs Dask", where="--cluster", todo="pip install 'sartor[cluster]'"
        ) from error
    return distributed
