"""How endpoints on SageMaker come to be: what the session says, what it may cost, and the endpoint itself."""

from pathlib import Path

from typing_extensions import override

from mmebench.endpoints.engine_builder import Builder, EngineBuilder
from mmebench.endpoints.opener import Opener, Progress
from mmebench.endpoints.sagemaker.aws import Aws
from mmebench.endpoints.sagemaker.bucket import check_bucket
from mmebench.endpoints.sagemaker.compile_job import CompileJob
from mmebench.endpoints.sagemaker.endpoint import SageMakerEndpoint, start
from mmebench.endpoints.sagemaker.engine_job import EngineJob
from mmebench.endpoints.sagemaker.image import image_uri
from mmebench.endpoints.sagemaker.prices import check_budget, find_price
from mmebench.endpoints.sagemaker.quotas import check_quotas
from mmebench.endpoints.sagemaker.session import make_default_bucket, with_session_defaults
from mmebench.record.run import Price
from mmebench.spec.endpoints.sagemaker import SageMakerEndpoint as Spec


class SageMakerOpener(Opener[Spec]):
    """Everything that is asked of AWS before there is an endpoint."""

    @override
    def complete(self, spec: Spec) -> Spec:
        return with_session_defaults(spec)

    @override
    def check(self, spec: Spec, runs: int, builds: int) -> dict[str, Price]:
        aws = Aws(spec.region, spec.profile)
        image_uri(spec)
        prices = {each.instance_type: find_price(aws, each) for each in spec.each()}
        check_budget(spec, prices, runs, builds)
        return prices

    @override
    def prepare(self, spec: Spec) -> None:
        aws = Aws(spec.region, spec.profile)
        make_default_bucket(aws, spec)
        check_bucket(aws, spec)
        check_quotas(aws, spec)

    @override
    def open(self, spec: Spec, store: Path, log: Path, progress: Progress) -> SageMakerEndpoint:
        return start(spec, log, progress)

    @override
    def engine_builder(self, spec: Spec) -> EngineBuilder | None:
        return None if spec.engine_builder == "local" else EngineJob(spec)

    @override
    def compiler(self, spec: Spec) -> Builder | None:
        return CompileJob(spec) if spec.compiles_in_job else None
