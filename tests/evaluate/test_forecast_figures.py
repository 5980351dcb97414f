import matplotlib.pyplot as plt

from pipeline.evaluate.forecast_figures import SHOWN, forecast_importance


def test_one_panel_a_target_with_the_strongest_inputs_on_top(tables):
    figure = forecast_importance(tables["importance"])
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title(loc="left") for axes in panels] == [
        "variance, 1 session",
        "variance, 21 sessions",
        "illiquidity, 1 session",
        "spike, 1 session",
    ]
    for axes in panels:
        labels = [label.get_text() for label in axes.get_yticklabels()]
        assert len(labels) == SHOWN
        assert labels[-1] == "log parkinson_1d"
    linear = panels[0].containers[0][-1].get_width()
    trees = panels[0].containers[1][-1]
    assert linear == 30.0
    assert (trees.get_x(), round(trees.get_width(), 9)) == (30.0, 2.0)
    plt.close(figure)
