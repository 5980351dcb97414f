"""Where runs write: the explicit folder, the environment, the project, the current folder, in this order."""

from pathlib import Path

from pipeline.domain.home import Home


def test_order_of_places(tmp_path, monkeypatch):
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    inside = project / "deep" / "er"
    inside.mkdir(parents=True)
    elsewhere.mkdir()
    (project / "pyproject.toml").write_text('[project]\nname = "regime-hedge"\n')
    (elsewhere / "pyproject.toml").write_text('[project]\nname = "other"\n')
    monkeypatch.delenv("HEDGE_HOME", raising=False)
    monkeypatch.chdir(inside)
    assert Home.find().root == project
    monkeypatch.chdir(elsewhere)
    assert Home.find().root == elsewhere
    monkeypatch.setenv("HEDGE_HOME", str(project))
    assert Home.find().root == project
    assert Home.find(Path("here")).mlruns == elsewhere / "here" / "mlruns"
    with Home(inside).meant():
        assert Home.find().root == inside
        assert Home.find(project).root == project
    assert Home.find().root == project
