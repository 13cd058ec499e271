import inspect
import subprocess
import sys

import pytest

from kinetrace import workload
from kinetrace.errors import KinetraceError
from kinetrace.files import replaceable
from kinetrace.params import WorkloadParams
from kinetrace.sign.params import SignParams
from kinetrace.workload import TRUTH, Job, Workload
from kinetrace.workspace import Workspace
from tests.sign.trained import tiny

METHODS = [name for name, member in vars(Workload).items() if inspect.isfunction(member) and not name.startswith("_")]


def test_sign_is_found_by_its_name():
    sign = workload.load("sign")
    assert sign.name == "sign"
    assert sign.params_type is SignParams and issubclass(sign.params_type, WorkloadParams)


@pytest.mark.parametrize("method", METHODS)
def test_sign_satisfies_the_protocol(method):
    """The parameters of each method have the same names in the same order, so that stages may call by keyword."""
    wanted = inspect.signature(getattr(Workload, method)).parameters
    found = inspect.signature(getattr(type(workload.load("sign")), method)).parameters
    assert list(found) == list(wanted)


def test_the_layout_is_what_the_twin_writes(tmp_path):
    sign = workload.load("sign")
    sign.twin(tmp_path / "twin", tiny())
    assert replaceable(tmp_path / "twin", "twin", (*sign.layout, TRUTH))
    (tmp_path / "twin" / TRUTH).unlink()
    assert replaceable(tmp_path / "twin", "data set", sign.layout)


def test_the_protocol_names_what_the_stages_need():
    assert set(METHODS) == {
        "twin", "inspect", "contract", "read", "reading", "features", "motion", "train", "evaluate", "export",
        "writer", "sample",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", ["tok", "", "a.b", "files", "metrics", "sign.train", "../sign", " sign", "Sign", "sign.workload"]
)
def test_an_unknown_workload_is_a_users_mistake(name):
    with pytest.raises(KinetraceError, match=r"no workload '.*': expected the folder kinetrace/"):
        workload.load(name)


def test_a_workload_that_lacks_a_library_is_no_unknown_workload(tmp_path, monkeypatch):
    package = tmp_path / "needy"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "workload.py").write_text("import no_such_library")
    monkeypatch.setattr("kinetrace.__path__", [str(tmp_path)])
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        workload.load("needy")


def test_loading_a_workload_loads_no_heavy_library():
    script = (
        "import sys; from kinetrace import workload; workload.load('sign');"
        "print([name for name in ('torch', 'transformers', 'great_expectations', 'matplotlib', 'mlflow', 'prefect')"
        " if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_job_takes_its_parameters_and_input_from_the_workspace(tmp_path):
    root = Workspace.find().root
    (tmp_path / "params.yaml").write_text((root / "params.yaml").read_text())
    job = Job.of(Workspace(tmp_path), "sign", 2)
    assert isinstance(job.params, SignParams)
    assert job.raw == tmp_path / "data" / "twin" / "sign"
    assert (job.jobs, job.folders.workload) == (2, "sign")


def test_a_workload_without_an_entry_in_the_parameters_is_named(tmp_path):
    (tmp_path / "params.yaml").write_text("workloads: {}\n")
    with pytest.raises(KinetraceError, match=r"no workload 'sign' under 'workloads'"):
        Job.of(Workspace(tmp_path), "sign")
