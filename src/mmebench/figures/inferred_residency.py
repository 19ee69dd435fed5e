"""Which requests were cold, where the endpoint does not say: inferred by what should have been in memory.

The model is an LRU cache of as many targets as were found to fit, with those in it at first that were loaded last.
It knows nothing of memory that grows, of loads that overlap, and of other instances behind the same endpoint; a
figure that rests on it is labelled as inferred.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from mmebench.figures.lru import replay
from mmebench.record.run import Capacity
from mmebench.record.samples import open_samples, read_samples

Flags = npt.NDArray[np.bool_]


def infer_cold(samples: Path, capacity: Capacity | None, resident: Sequence[str] | None = None) -> Flags | None:
    """A flag for each sample of the file, in its order; None where the endpoint says so itself, or nobody knows.

    Args:
        samples: a Parquet file of :data:`mmebench.record.samples.SCHEMA`.
        capacity: what was found before the load began.
        resident: what was in memory when it began, from the least to the most recently used; those that the
            search for capacity loaded last, unless told.
    """
    if capacity is None or _tells(samples):
        return None
    table = read_samples(samples, ["start_ns", "target"])
    targets = table["target"].unify_dictionaries().combine_chunks()
    codes = {name: code for code, name in enumerate(targets.dictionary.to_pylist())}
    loaded = [load.target for load in capacity.loads] if resident is None else resident
    order = np.argsort(table["start_ns"].to_numpy(), kind="stable")
    # Targets that the load never asks for take room in memory all the same.
    at_first = [codes.get(name, len(codes) + number) for number, name in enumerate(loaded[-capacity.fits :])]
    cold = np.empty(len(order), np.bool_)
    cold[order] = replay(targets.indices.to_numpy()[order].tolist(), capacity.fits, at_first)
    return cold


def with_inferred(samples: pa.Table, cold: Flags) -> pa.Table:
    """The samples with these flags for their column ``cold``."""
    at = samples.column_names.index("cold")
    return samples.set_column(at, samples.schema.field("cold"), pa.chunked_array([pa.array(cold)]))


def _tells(samples: Path) -> bool:
    """Whether any sample says if it was cold; read from the end of the file."""
    with open_samples(samples) as file:
        metadata = file.metadata
    at = metadata.schema.names.index("cold")
    groups = (metadata.row_group(number).column(at).statistics for number in range(metadata.num_row_groups))
    return any(each is None or each.null_count < each.num_values + each.null_count for each in groups)
