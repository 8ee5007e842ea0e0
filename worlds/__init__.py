"""Made-up rooms, streets and closeups: training pictures with exact depth.

Not part of the installed package: `python -m worlds OUT` makes a data set for `nearfar train`.

`shapes` and `surfaces` become `things`; `rooms`, `streets` and `closeups` stand them about, each as
a `scene`; `drawing` makes a picture and its depth of that. Each may import only what comes before
it in scene, shapes, surfaces, things, then rooms, streets or closeups, which don't know each other.
`drawing` knows nothing but `scene`; only the files at the top know all.
"""
