"""OpenVINO without its telemetry: what is benchmarked where is nobody else's business.

Unless its user has said no, each import and each conversion would be told to Google Analytics, by threads beside
what is measured.
"""

import sys

_TELEMETRY = "openvino_telemetry"

if _TELEMETRY not in sys.modules:
    # As if it were not installed, which OpenVINO does without.
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # what Python takes for a module that is not there
    try:
        import openvino
    finally:
        del sys.modules[_TELEMETRY]
else:  # it was told already, by somebody else
    import openvino

__all__ = ["openvino"]
