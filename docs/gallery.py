"""How the gallery finds the figures of an example."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from sphinx_gallery.scrapers import matplotlib_scraper


def scrape_figures(block, block_vars, gallery_conf, **kwargs):
    """Pyplot's figures, and a figure apart from pyplot's that is the last line of a cell.

    A notebook shows both, too. The displays of this package make figures of the second kind.
    """
    last = block_vars["example_globals"].get("___")
    # A figure that was shown has a manager: the last line of an earlier cell is still there.
    if isinstance(last, Figure) and last.canvas.manager is None:
        plt.figure(last)
    return matplotlib_scraper(block, block_vars, gallery_conf, **kwargs)
