"""The RQ jobs. ``stages.py`` has one function for each stage, which RQ runs by name. The stage's module has the work:
``refresh.py`` (refresh, history), ``apply.py`` (apply, bulk), ``watch.py`` (watch, feed), ``reconcile.py``.
``urgent.py`` is the urgent lane, which every job runs at its checkpoints; ``sweep.py`` is the work of the scheduler.
"""
