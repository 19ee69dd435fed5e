"""Where an ONNX file keeps weights outside of itself."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from mmebench.errors import BadInputError


def external_files(path: Path) -> tuple[str, ...]:
    """The files that hold weights of the ONNX file ``path``, relative to its folder; they are not opened.

    Raises:
        BadInputError: one is said to lie outside that folder, or ``path`` cannot be read.
        ImportError: the package onnx is not installed.
    """
    import onnx
    from google.protobuf.message import DecodeError
    from onnx.external_data_helper import ExternalDataInfo, uses_external_data

    try:
        model = onnx.load(path, load_external_data=False)
    except (OSError, DecodeError) as error:
        raise BadInputError(f"{path}: not a readable ONNX file ({error})") from error
    functions = (node for function in model.functions for node in function.node)
    found = {
        ExternalDataInfo(tensor).location
        for tensor in (*_graph_tensors(model.graph), *_node_tensors(functions))
        if uses_external_data(tensor)
    }
    for location in found:
        if PurePosixPath(location).is_absolute() or ".." in PurePosixPath(location).parts:
            raise BadInputError(f"{path}: its weights are said to be in {location}; put them beside the model")
    return tuple(sorted(found))


def _graph_tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _node_tensors(graph.node)


def _node_tensors(nodes: Any) -> Iterator[Any]:
    """Those in attributes, and in the graphs of branches and loops."""
    for node in nodes:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for graph in (attribute.g, *attribute.graphs):
                yield from _graph_tensors(graph)
