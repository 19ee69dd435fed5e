"""Archives of a model that takes memory of a GPU: ``y = 2 x``."""

import shutil
from pathlib import Path

from mmebench.formats.archive import pack


def hungry_archive(
    path: Path, load: int, *, run: int = 0, row: int = 0, gpu: int | None = None, count: int = 1
) -> Path:
    """An archive with :mod:`gpu.hungry_model`.

    Args:
        path: of the archive.
        load: bytes that each instance takes while it is loaded.
        run: bytes that its first inference takes.
        row: bytes for each row of the largest batch so far, of 8 rows at most.
        gpu: the one that it runs on, by the number it has for the server; None: all there are, or where it is put.
        count: instances on a GPU.
    """
    folder = path.parent / f"{path.name}-folder" / "hungry"
    hungry_folder(folder, load, run=run, row=row, gpu=gpu, count=count)
    pack(folder, path)
    return path


def hungry_folder(
    folder: Path, load: int, *, run: int = 0, row: int = 0, gpu: int | None = None, count: int = 1
) -> None:
    """The same as a new folder of a Triton model repository."""
    (folder / "1").mkdir(parents=True)
    shutil.copy2(Path(__file__).with_name("hungry_model.py"), folder / "1" / "model.py")
    parameters = "\n".join(
        f'parameters {{ key: "{key}" value {{ string_value: "{value}" }} }}'
        for key, value in (("load", load), ("run", run), ("row", row))
    )
    where = "" if gpu is None else f"gpus: {gpu}"
    (folder / "config.pbtxt").write_text(f"""
backend: "python"
max_batch_size: 8
input {{ name: "x" data_type: TYPE_FP32 dims: 4 }}
output {{ name: "y" data_type: TYPE_FP32 dims: 4 }}
instance_group {{ count: {count} kind: KIND_GPU {where} }}
{parameters}
""")
