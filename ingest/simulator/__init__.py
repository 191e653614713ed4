"""Broadcasts made here, with exact ground truth: video, sound, and the records of what happens in them.

    looks (colours, from the seed) ─┐
    schedule (plays, shots, events) ┴▶ film (pictures), sound ─▶ broadcast (any frame, the sound, the truth) ─▶ files

A sport is one file with one subclass of `ingest.simulator.stage.SportShow`, named in `ingest.simulator.schedule.show_of`.
"""
