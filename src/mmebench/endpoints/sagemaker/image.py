"""SageMaker's Triton image: in which account a region has it, and which host it runs on.

Accounts: the AWS Deep Learning Containers' table of region availability (from 23.12 on), and the notebooks of
amazon-sagemaker-examples (before). What is in an image: :mod:`mmebench.spec.endpoints.triton_image`.
"""

from mmebench.errors import BadInputError
from mmebench.spec.endpoints.sagemaker import SageMakerEndpoint
from mmebench.spec.endpoints.triton_image import IMAGES, InferenceAmi

_COMMON = "763104351884"
_ACCOUNTS = {
    **dict.fromkeys(
        (
            "ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1",
            "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1",
            "us-east-2", "us-west-1", "us-west-2",
        ),
        _COMMON,
    ),
    "af-south-1": "626614931356", "ap-east-1": "871362719292", "ap-east-2": "975050140332",
    "ap-northeast-3": "364406365360", "ap-south-2": "772153158452", "ap-southeast-3": "907027046896",
    "ap-southeast-4": "457447274322", "ap-southeast-5": "550225433462", "ap-southeast-6": "633930458069",
    "ap-southeast-7": "590183813437", "ca-west-1": "204538143572", "eu-central-2": "380420809688",
    "eu-south-1": "692866216735", "eu-south-2": "503227376785", "il-central-1": "780543022126",
    "me-central-1": "914824155844", "me-south-1": "217643126080", "mx-central-1": "637423239942",
    "cn-north-1": "727897471807", "cn-northwest-1": "727897471807",
}  # fmt: skip
_EARLIER_ACCOUNTS = {
    "us-east-1": "785573368785", "us-east-2": "007439368137", "us-west-1": "710691900526",
    "us-west-2": "301217895009", "eu-west-1": "802834080501", "eu-west-2": "205493899709",
    "eu-west-3": "254080097072", "eu-north-1": "601324751636", "eu-south-1": "966458181534",
    "eu-central-1": "746233611703", "ap-east-1": "110948597952", "ap-south-1": "763008648453",
    "ap-northeast-1": "941853720454", "ap-northeast-2": "151534178276", "ap-southeast-1": "324986816169",
    "ap-southeast-2": "355873309152", "cn-northwest-1": "474822919863", "cn-north-1": "472730292857",
    "sa-east-1": "756306329178", "ca-central-1": "464438896020", "me-south-1": "836785723513",
    "af-south-1": "774647643957",
}  # fmt: skip
_FEWER_REGIONS = ("23.12", "24.01", "24.03", "24.05", "24.09")
_LATER_REGIONS = (
    "ap-south-2", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7", "ap-east-2",
    "eu-central-2", "eu-south-2", "me-central-1", "mx-central-1",
)  # fmt: skip
_MOVED = "23.12"

_WITHOUT_AMI = ("ml.p2.", "ml.p3.")
"""InferenceAmiVersion is not documented for these."""


def image_uri(spec: SageMakerEndpoint) -> str:
    """The image that ``spec`` asks for.

    Raises:
        BadInputError: the region has no such image, as far as is known.
    """
    if spec.image is not None:
        return spec.image
    version, region = spec.triton, spec.region
    if spec.triton_image is None:
        raise BadInputError(
            f"endpoint.triton: got {version}; known versions of SageMaker's image are {', '.join(IMAGES)}; "
            "for another one give its URI as endpoint.image"
        )
    account = (_ACCOUNTS if version >= _MOVED else _EARLIER_ACCOUNTS).get(region)
    late = version in _FEWER_REGIONS and region in _LATER_REGIONS
    if account is None or late or (region.startswith("cn-") and version > "25.04"):
        raise BadInputError(
            f"endpoint.triton: SageMaker's Triton image {version} is not listed for {region}; "
            "take another version or region, or give an image of your own as endpoint.image"
        )
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"{account}.dkr.ecr.{region}.{suffix}/sagemaker-tritonserver:{version}-py3"


def inference_ami(spec: SageMakerEndpoint) -> InferenceAmi | None:
    """The host image that fits Triton's image.

    None where SageMaker's own choice stays: for an image of the user's, whose CUDA is not known, and for instance
    types that take no other.
    """
    known = spec.triton_image
    if spec.ami is not None or known is None or spec.instance_type.startswith(_WITHOUT_AMI):
        return spec.ami
    return known.ami
