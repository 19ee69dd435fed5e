import logging
import shutil
from collections import Counter
from collections.abc import Iterator

import pytest

from mmebench.formats.archive import pack
from support import cloud
from support.account import Account
from support.contract_server import ContractServer
from support.deadly_proxy import DeadlyProxy
from support.sagemaker_runtime import sagemaker_runtime
from support.serving import serving
from support.tiny_models import onnx_archive


@pytest.fixture(scope="module")
def amazon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    folder = tmp_path_factory.mktemp("amazon")
    archive = onnx_archive(folder / "tiny.tar.gz", 4)
    model = folder / "tiny.tar.gz-folder" / "tiny"
    (model / "offset").write_text("4")  # what the test's container serves
    pack(model, archive)
    with cloud.moto_server() as moto, ContractServer() as container, DeadlyProxy(moto) as proxy:
        cloud.reset(moto)
        served: Counter[str] = Counter()
        environment = cloud.environment(proxy.url) | {"XDG_STATE_HOME": str(folder / "state")}
        options = ("--container", container.url, "--model-directory", str(folder / "held"))
        with (
            serving(f"s3://{cloud.BUCKET}", folder / "serve.log", *options, **cloud.environment(moto)) as local,
            sagemaker_runtime(moto, local.url, served) as runtime,
        ):
            environment["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"] = runtime
            yield Account(moto, proxy, environment, archive, folder, served)


@pytest.fixture
def account(amazon: Account) -> Account:
    """Empty, and nothing of an earlier test is left."""
    cloud.reset(amazon.moto)
    amazon.proxy.forget()
    amazon.proxy.consequences.clear()
    for name in ("state", "results"):
        shutil.rmtree(amazon.folder / name, ignore_errors=True)
    return amazon
