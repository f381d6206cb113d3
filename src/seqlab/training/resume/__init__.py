"""Exact resume: a run that was stopped goes on as if it had never stopped.

``last_checkpoint`` saves between two steps and ``stopping`` sees to it that a signal waits for that;
``exact_state`` is what Lightning's checkpoint leaves out. ``arguments`` reads ``resume=``. ``start`` finds
where to begin, and trains from there.
"""
