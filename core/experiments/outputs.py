"""Output files of an experiment: results, tables and figures."""

from core.experiments.figures import write_figures
from core.experiments.folder import Folder
from core.experiments.results import Results, gather_results
from core.experiments.summary import write_summary


def write_outputs(folder: Folder) -> Results:
    """Aggregate the runs of all starts of an experiment, and write the outputs to its folder.

    Raises:
        NotFound: The folder has no experiment.
        CorruptArtifact: A file cannot be read.
    """
    results = gather_results(folder)
    folder.write(folder.results, results)
    write_summary(results, folder)
    write_figures(results, folder)
    return results
