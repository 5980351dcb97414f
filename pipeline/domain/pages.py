"""Addresses on MLflow's pages, in their view of trained models."""

VIEW = "workflowType=machine_learning"


def experiments_page(server: str) -> str:
    """Return where all experiments are listed.

    Examples
    --------
    >>> experiments_page("http://127.0.0.1:5000/")
    'http://127.0.0.1:5000/#/experiments?workflowType=machine_learning'
    """
    return f"{server.rstrip('/')}/#/experiments?{VIEW}"


def run_page(server: str, experiment: str, run_id: str) -> str:
    """Return where one run is shown."""
    return f"{server.rstrip('/')}/#/experiments/{experiment}/runs/{run_id}?{VIEW}"


def report_page(server: str, experiment: str, run_id: str) -> str:
    """Return where the report of a run is shown."""
    path = f"experiments/{experiment}/runs/{run_id}/artifacts/report/report.html"
    return f"{server.rstrip('/')}/#/{path}?{VIEW}"
