"""What a client is told about a request that could not be answered."""

import logging

from mmebench.errors import MmebenchError
from mmebench.formats.archive import ArchiveError
from mmebench.server.containers.container import Container, ContainerDownError, LoadError
from mmebench.server.containers.model_files import ConfigError
from mmebench.server.memory.loader import model_id
from mmebench.wire import answers
from mmebench.wire.target_names import TargetError

_log = logging.getLogger(__name__)


def refusal(error: Exception, target: str, endpoint: str, container: Container) -> answers.RefusedError:
    """In AWS' words, why ``target`` could not be loaded; what nobody foresaw is a defect, and logged as one."""
    match error:
        case answers.RefusedError():
            return error
        case TimeoutError() if container.ready.is_set():
            return answers.model_not_ready(target)
        case TimeoutError() | ContainerDownError():
            return answers.service_unavailable(f"the container is down and being restarted: {error}")
        case LoadError():
            return answers.model_error(error.status, by_name(str(error), target), endpoint)
        case ConfigError():
            return answers.model_error(400, str(error), endpoint)
        case TargetError() | ArchiveError():
            return answers.validation_error(f"Failed to download model data: {error}")
        case MmebenchError():
            return answers.internal_failure(str(error))
    _log.error("%s: defect", target, exc_info=error)
    return answers.internal_failure(f"{type(error).__name__}: {error}")


def by_name(message: str, target: str) -> str:
    """The container's message with the name that people know ``target`` by."""
    return message.replace(model_id(target), target)
