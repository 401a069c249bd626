"""Writes arrow-lists.parquet: python make-arrow-lists.py (pyarrow 26.0.1).

What neither hyparquet-writer nor Node 20 can write: ZSTD; a dictionary that is given up for plain pages in the middle of
a column; pages of version 1 that begin within lists; lists of a fixed size; 8-bit keys. The values are formulas, which
the test has too.
"""

import pyarrow as pa
import pyarrow.parquet as pq

rows = 12
table = pa.table(
    {
        # Whole numbers of eighths: row 5 is null, row 7 empty.
        "list": pa.array(
            [
                None if row == 5 else [] if row == 7 else [(row * 97 + i * i) % 1009 / 8 for i in range(row * 23 % 120)]
                for row in range(rows)
            ],
            pa.list_(pa.float32()),
        ),
        "fixed": pa.array([[row, row + 1, row * row] for row in range(rows)], pa.list_(pa.int32(), 3)),
        "key": pa.array([None if row == 3 else row % 5 + 1 for row in range(rows)], pa.int8()),
    }
)
pq.write_table(
    table,
    "arrow-lists.parquet",
    row_group_size=9,
    compression="ZSTD",
    data_page_version="1.0",
    data_page_size=200,
    write_batch_size=16,
    dictionary_pagesize_limit=400,
    write_statistics=False,
    store_schema=False,
)
