"""seqlab: experiments with sequence models, from raw files to an honest report.

Read the package in the order the data flows: ``data`` (files to batches), ``networks`` (batches to
outputs), ``tasks`` (outputs to losses and scores), ``detection`` (scores to alerts), ``report``.
"""

__version__ = "0.1.0"
