"""A spec, completed by what the ready archives in it say of themselves."""

from pathlib import Path

from mmebench.errors import BadInputError
from mmebench.models.ready_archive import describe_archive
from mmebench.models.sources.file import check_file
from mmebench.spec import PLATFORMS, ArchiveFolder, FileModel, Member, PlatformSpec, Popularity, Spec, Uniform
from mmebench.spec.sources.source import safe_name


def complete_archives(spec: Spec) -> Spec:
    """The spec, in which ready archives say what the user has left out: their platform, inputs and outputs.

    A folder of archives becomes a fleet, in which each of them is a model with one target. The workload's
    popularity is that of the archives, in the order of their names.

    Raises:
        BadInputError: an archive is not there or broken, or does not say it either; the message names it.
    """
    if isinstance(spec.models, ArchiveFolder):
        folder = spec.models.folder
        try:
            members = _asked_by(spec.workload.popularity, _members(folder))
            return spec.with_members(members, spec.name or safe_name(folder.resolve().name))
        except ValueError as error:
            raise BadInputError(str(error)) from None
    if spec.models is not None:
        members = {name: _complete_member(name, member) for name, member in spec.models.items()}
        return spec.model_copy(update={"models": members})
    if isinstance(spec.model, FileModel) and spec.model.is_ready_archive:
        platform = spec.platforms[0] if spec.platforms else None
        model, found = _complete(spec.model, platform)
        return spec.model_copy(update={"model": model, "platforms": spec.platforms or (found,)})
    return spec


def _members(folder: Path) -> dict[str, Member]:
    paths = sorted(path for path in folder.glob("*.tar.gz") if not path.name.startswith("."))
    if not paths:
        what = "a file" if folder.exists() else "no such folder"
        there = "no archive (*.tar.gz) in it" if folder.is_dir() else what
        raise BadInputError(f"models.from: {folder}: {there}; give a folder with archives that Triton loads")
    members: dict[str, Member] = {}
    wrong: list[str] = []
    for path in paths:
        try:
            members |= _member(path)
        except BadInputError as error:
            wrong.append(str(error))
    if wrong:
        raise BadInputError("\n  ".join(wrong if len(wrong) == 1 else [_of_many(folder, wrong, paths), *wrong]))
    return members


def _asked_by(popularity: Popularity, members: dict[str, Member]) -> dict[str, Member]:
    """Within a single target there is nothing to spread, so that the popularity says what each of them gets."""
    if popularity.traced:
        return members
    weights = popularity.spread([f"{name}.tar.gz" for name in members])
    return {
        name: member.model_copy(update={"requests": float(share), "popularity": Uniform()})
        for (name, member), share in zip(members.items(), weights / weights.sum(), strict=True)
    }


def _of_many(folder: Path, wrong: list[str], paths: list[Path]) -> str:
    return f"models.from: {folder}: {len(wrong)} of {len(paths)} archives cannot be served; mend or remove them"


def _member(path: Path) -> dict[str, Member]:
    name = path.name.removesuffix(".tar.gz")
    if safe_name(name) != name:
        raise BadInputError(
            f"models.from: got {path.name!r}; allowed in the name of a target: letters, digits, dots, hyphens and "
            "underscores; rename it"
        )
    member = Member.model_validate({"model": {"source": "file", "path": path}, "targets": 1})
    return {name: _complete_member(name, member)}


def _complete_member(name: str, member: Member) -> Member:
    if not (isinstance(member.model, FileModel) and member.model.is_ready_archive):
        return member
    try:
        model, platform = _complete(member.model, member.platform)
    except BadInputError as error:
        raise BadInputError(f"models.{name}: {error}") from None
    return member.model_copy(update={"model": model, "platform": platform})


def _complete(model: FileModel, platform: PlatformSpec | None) -> tuple[FileModel, PlatformSpec]:
    if platform is not None and model.inputs and model.outputs:
        return model, platform
    check_file(model)
    said = describe_archive(model.path)
    for field, given, found in (("inputs", model.inputs, said.inputs), ("outputs", model.outputs, said.outputs)):
        if not given and not found:
            raise BadInputError(
                f"{model.path.name}/config.pbtxt names no {field}; write them there, or as the model's {field} in "
                "the spec"
            )
    tensors = {"inputs": model.inputs or said.inputs, "outputs": model.outputs or said.outputs}
    return model.model_copy(update=tensors), platform or PLATFORMS.read({"kind": said.platform})
