"""Devices: a session runs on the one that was chosen, or is an error."""

import ctypes

import onnxruntime as ort
import pytest

from geotagger.errors import DeviceError
from geotagger.text.ocr.reader import TextReader
from geotagger.vision.runtime.devices import PROVIDERS, candidate_devices
from geotagger.vision.runtime.session import VisionSession
from tests.fixtures.bundles import (
    make_bundle,
)


@pytest.mark.parametrize("device", [name for name in PROVIDERS if name != "cpu"])
def test_a_device_that_is_asked_for_runs_or_is_an_error(tmp_path, device, capfd):
    bundle = make_bundle(tmp_path / "tiny")
    try:
        session = VisionSession(bundle, device)
    except DeviceError as error:
        message = str(error)
    else:
        assert session._network.sessions[0].get_providers()[0] == PROVIDERS[device]
        pytest.skip(f"{device} runs here")
    assert device in message
    assert "--device" in message
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")


def test_falling_back_without_saying_so_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(ort, "get_available_providers", lambda: list(PROVIDERS.values()))
    monkeypatch.setattr(ort, "preload_dlls", lambda: print("noise"))
    real = ort.InferenceSession

    def on_the_cpu(file, options, providers, **_):
        assert providers[0][0] != "CPUExecutionProvider"
        return real(file, options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(ort, "InferenceSession", on_the_cpu)
    bundle = make_bundle(tmp_path / "tiny")
    for device in ("tensorrt", "cuda", "coreml"):
        with pytest.raises(DeviceError, match=f"device {device}: ONNX Runtime cannot start it"):
            VisionSession(bundle, device)


def test_auto_tries_no_gpu_where_its_driver_is_missing(monkeypatch):
    def refuse(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ort, "get_available_providers", lambda: list(PROVIDERS.values()))
    monkeypatch.setattr(ctypes, "CDLL", lambda _: None)
    assert candidate_devices("auto") == list(PROVIDERS)
    monkeypatch.setattr(ctypes, "CDLL", refuse)
    assert candidate_devices("auto") == ["coreml", "openvino", "cpu"]
    assert candidate_devices("cuda") == ["cuda"]


def test_memory_is_laid_out_for_each_shape_only_where_few_come(tmp_path):
    def laid_out(session):
        return session.get_session_options().enable_mem_pattern

    reader = TextReader("cpu")  # each picture has a size of its own
    assert not laid_out(reader._detector._session)
    assert not laid_out(reader._recogniser._session)
    assert laid_out(VisionSession(make_bundle(tmp_path / "tiny"), "cpu")._network.sessions[0])


def test_networks_on_the_cpu_share_one_arena(tmp_path):
    def shares(session):
        options = session.get_session_options()
        return options.get_session_config_entry("session.use_env_allocators") == "1"

    reader = TextReader("cpu")
    sessions = [
        reader._detector._session,
        reader._recogniser._session,
        VisionSession(make_bundle(tmp_path / "tiny"), "cpu")._network.sessions[0],
    ]
    assert all(map(shares, sessions))


def test_nvidia_providers_are_told_their_gpu_and_keep_their_engines(tmp_path, monkeypatch):
    from geotagger.vision.runtime import devices

    told = []
    monkeypatch.setattr(ort, "preload_dlls", lambda: None)
    monkeypatch.setattr(
        ort,
        "InferenceSession",
        lambda *_, providers, **__: told.append(dict(providers)) or Started(PROVIDERS["tensorrt"]),
    )
    devices.open_session(tmp_path / "m.onnx", "tensorrt", gpu=3)
    devices.open_session(tmp_path / "m.onnx", "tensorrt", exact=True)
    third, exact = (options[PROVIDERS["tensorrt"]] for options in told)
    assert third["device_id"] == told[0][PROVIDERS["cuda"]]["device_id"] == "3"
    assert (third["trt_fp16_enable"], exact["trt_fp16_enable"]) == ("1", "0")
    assert told[0][PROVIDERS["cuda"]]["enable_cuda_graph"] == "0"
    assert third["trt_engine_cache_path"].endswith("tensorrt")
    with pytest.raises(DeviceError, match="device cuda: ONNX Runtime cannot start it here"):
        devices.open_session(tmp_path / "m.onnx", "cuda", cuda_graphs=True)
    assert told[-1][PROVIDERS["cuda"]]["enable_cuda_graph"] == "1"


class Started:
    def __init__(self, *providers):
        self.get_providers = lambda: list(providers)


def test_an_unknown_device_is_refused(tmp_path):
    with pytest.raises(DeviceError, match="'gpu' is not known; use one of auto, cpu, cuda"):
        VisionSession(make_bundle(tmp_path / "tiny"), "gpu")
