"""Made-up rooms, streets and closeups: training pictures with exact depth.

Not part of the installed package: `python -m worlds OUT` makes a data set for `nearfar train`. See
README.md.

`shapes` and `surfaces` become `things`; `rooms`, `streets` and `closeups` arrange them, each as a
`scene`; `drawing` renders a picture and its depth. Each folder may import only the ones before it:
`scene`, `shapes`, `surfaces`, `things`, and then one of `rooms`, `streets` and `closeups`.
`drawing` imports only `scene`; the files at the top import all.
"""
