"""What an experiment leaves for people and programs: the results, the tables, the figures."""

from core.experiments.figures import write_figures
from core.experiments.folder import Folder
from core.experiments.results import Results, gather_results
from core.experiments.summary import write_summary


def write_outputs(folder: Folder) -> Results:
    """Sum up what a folder holds, whichever start of the experiment it is from, and write it there.

    Raises:
        NotFound: The folder holds no experiment.
        CorruptArtifact: A file is not what it should be.
    """
    results = gather_results(folder)
    folder.write(folder.results, results)
    write_summary(results, folder)
    write_figures(results, folder)
    return results
