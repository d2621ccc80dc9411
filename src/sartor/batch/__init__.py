"""Many patients → one table: in parallel, on one machine or a Dask cluster, resuming where it stopped.

inputs.py   which patients there are, as small references grouped into tasks
work.py     one task on one worker: read, assess, rows; a patient that fails is a failed row
pool.py     processes of this machine; a patient that kills its process is found and isolated
cluster.py  the same on a Dask cluster
journal.py  what is finished, beside the output, so that a stopped run goes on
rows.py     a report as rows of the table
table.py    the table as Parquet, NDJSON or TSV
"""

from sartor.batch.run import Progress, Summary, run

__all__ = ["Progress", "Summary", "run"]
